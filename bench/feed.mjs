import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeEnvironment } from './harness/environment.mjs'
import { startRedis } from './harness/redis.mjs'
import { startServer } from './harness/servers.mjs'
import { percentile } from './harness/statistics.mjs'
import { printTable, progress } from './harness/table.mjs'
import { userName } from './implementations/common.mjs'
import { logIn } from './load/clients.mjs'
import { Connection } from './load/connection.mjs'
import { get, post } from './load/transports.mjs'

/** Measures the time from a logout on one process to the first 401 on another process with the same Redis. */
const { values: args } = parseArgs({
  options: { mode: { type: 'string', default: 'feed' }, short: { type: 'boolean', default: false } }
})

const LOGOUTS = args.short ? 20 : 1000
/** A revocation counts as missed if the token is still accepted after this time. */
const MISSED_AFTER_MS = 5000
const KILL_EVERY_MS = 200
/** Each of the two measurements ends after this time. */
const LIMIT_MS = 240_000

process.env.NODE_ENV = 'production'
const redis = await startRedis(null)
console.log(`${(await describeEnvironment(redis)).slice(0, 2).join('; ')}; processes are not pinned.`)
const implementation = { from: 'this-plugin', settings: { mode: args.mode } }
const [nodeA, nodeB] = await Promise.all([1, 2].map(() => startServer(implementation, redis, { core: null })))

if (nodeA.error) {
  console.log(`\nrevocation.mode '${args.mode}': not available (${nodeA.error})`)
} else {
  const quiet = await measureLogouts()
  const killing = killConnections()
  const killed = await measureLogouts()
  const kills = killing.stop()
  print([
    ['idle', quiet],
    [`all connections to Redis closed ${kills} times`, killed]
  ])
}
process.exit()

async function measureLogouts() {
  const connections = [new Connection(nodeA.port), new Connection(nodeB.port)]
  const until = performance.now() + LIMIT_MS
  const logouts = []
  while (logouts.length < LOGOUTS && performance.now() < until) {
    logouts.push(await measureLogout(...connections, userName(logouts.length)))
    if (logouts.length % 100 === 0) progress(`${logouts.length} logouts`)
  }
  for (const connection of connections) connection.close()
  return logouts
}

/** Logs in and out on one node while a client polls the other. */
async function measureLogout(onNodeA, onNodeB, sub) {
  const { access } = await logInWithRetry(onNodeA, sub)
  const guarded = get('/me', `authorization: Bearer ${access}`)
  const rejection = pollUntilRejected(onNodeB, guarded)
  // The other node must have accepted the token before the logout.
  await setTimeout(2)
  const sentAt = performance.now()
  const { status } = await onNodeA.request(post('/auth/logout', `authorization: Bearer ${access}`))
  const respondedAt = performance.now()
  const rejectedAt = await rejection.within(MISSED_AFTER_MS)
  return {
    status,
    isMissed: rejectedAt === undefined,
    sinceSent: rejectedAt - sentAt,
    sinceResponse: rejectedAt - respondedAt
  }
}

/** Retries, because a login can get 503 while connections are closed. */
async function logInWithRetry(connection, sub) {
  for (let tries = 0; ; tries++) {
    try {
      return await logIn(connection, 'cookie', sub)
    } catch (error) {
      if (tries === 100) throw error
      await setTimeout(20)
    }
  }
}

function pollUntilRejected(connection, request) {
  let isOver = false
  const rejected = (async () => {
    while (!isOver) {
      const { status } = await connection.request(request)
      if (status === 401) return performance.now()
    }
  })()
  return {
    async within(ms) {
      const first = await Promise.race([rejected, setTimeout(ms, undefined, { ref: false })])
      isOver = true
      // Waits for the pending response, so that the next poll does not receive it.
      return first ?? (await rejected)
    }
  }
}

/** Closes all connections of both nodes repeatedly, also those that read the feed. */
function killConnections() {
  let kills = 0
  const timer = setInterval(() => {
    kills++
    redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => {})
  }, KILL_EVERY_MS)
  return {
    stop() {
      clearInterval(timer)
      return kills
    }
  }
}

function print(runs) {
  const ms = (values, share) => (values.length === 0 ? '' : percentile(values, share).toFixed(1))
  const columns = [
    '',
    'logouts',
    'p50 ms',
    'p99 ms',
    'max ms',
    'p50 after the response',
    'logouts with 503',
    'missed'
  ]
  const rows = runs.map(([name, logouts]) => {
    const seen = logouts.filter(({ isMissed }) => !isMissed)
    const sinceSent = seen.map((logout) => logout.sinceSent)
    const sinceResponse = seen.map((logout) => logout.sinceResponse)
    const failed = logouts.filter(({ status }) => status !== 200)
    return [
      name,
      String(logouts.length),
      ...[0.5, 0.99, 1].map((share) => ms(sinceSent, share)),
      ms(sinceResponse, 0.5),
      String(failed.length),
      String(logouts.length - seen.length)
    ]
  })
  printTable(`Time from a logout on one node to the 401 on another, mode '${args.mode}'`, columns, rows)
}
