import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeEnvironment } from './harness/environment.mjs'
import { startRedis } from './harness/redis.mjs'
import { startServer } from './harness/servers.mjs'
import { percentile } from './harness/statistics.mjs'
import { printTable, progress } from './harness/table.mjs'
import { userName } from './implementations/common.mjs'
import { Connection } from './load/connection.mjs'
import { get, post } from './load/transports.mjs'
import { logIn } from './load/work.mjs'

/** Two nodes with one Redis: how long after a logout on one does the other refuse the access token? */
const { values: args } = parseArgs({
  options: { mode: { type: 'string', default: 'feed' }, short: { type: 'boolean', default: false } }
})

const LOGOUTS = args.short ? 20 : 1000
/** A token that is still let in after that was missed. */
const MISSED_AFTER_MS = 5000
const KILL_EVERY_MS = 200
/** Whatever happens, each half ends. */
const LIMIT_MS = 240_000

process.env.NODE_ENV = 'production'
const redis = await startRedis(null)
console.log(`${(await describeEnvironment(redis)).slice(0, 2).join('; ')}; nothing is pinned.`)
const contestant = { from: 'this-plugin', settings: { mode: args.mode } }
const [here, there] = await Promise.all([1, 2].map(() => startServer(contestant, redis, { core: null })))

if (here.error) {
  console.log(`\nrevocation.mode '${args.mode}': not available (${here.error})`)
} else {
  const quiet = await logOutMany()
  const killing = killConnections()
  const killed = await logOutMany()
  const kills = killing.stop()
  print([
    ['quiet', quiet],
    [`${kills} times all connections to Redis killed`, killed]
  ])
}
process.exit()

async function logOutMany() {
  const connections = [new Connection(here.port), new Connection(there.port)]
  const until = performance.now() + LIMIT_MS
  const logouts = []
  while (logouts.length < LOGOUTS && performance.now() < until) {
    logouts.push(await logOutOnce(...connections, userName(logouts.length)))
    if (logouts.length % 100 === 0) progress(`${logouts.length} logouts`)
  }
  for (const connection of connections) connection.close()
  return logouts
}

/** Logs in and out on one node, while a client of the other asks again and again. */
async function logOutOnce(onHere, onThere, sub) {
  const { access } = await logInPatiently(onHere, sub)
  const guarded = get('/me', `authorization: Bearer ${access}`)
  const refusal = askUntilRefused(onThere, guarded)
  // The other node knows the token well before it is to forget it.
  await setTimeout(2)
  const sentAt = performance.now()
  const { status } = await onHere.ask(post('/auth/logout', `authorization: Bearer ${access}`))
  const answeredAt = performance.now()
  const refusedAt = await refusal.within(MISSED_AFTER_MS)
  return {
    status,
    isMissed: refusedAt === undefined,
    sinceSent: refusedAt - sentAt,
    sinceAnswered: refusedAt - answeredAt
  }
}

/** While connections are being killed, a login may be answered 503. */
async function logInPatiently(connection, sub) {
  for (let tries = 0; ; tries++) {
    try {
      return await logIn(connection, 'cookie', sub)
    } catch (error) {
      if (tries === 100) throw error
      await setTimeout(20)
    }
  }
}

function askUntilRefused(connection, request) {
  let isOver = false
  const refused = (async () => {
    while (!isOver) {
      const { status } = await connection.ask(request)
      if (status === 401) return performance.now()
    }
  })()
  return {
    async within(ms) {
      const first = await Promise.race([refused, setTimeout(ms, undefined, { ref: false })])
      isOver = true
      // No answer may be left over for the next.
      return first ?? (await refused)
    }
  }
}

/** All of both nodes: those that ask, and those that read the feed. */
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
    'p50 after its answer',
    'answered 503',
    'missed'
  ]
  const rows = runs.map(([name, logouts]) => {
    const seen = logouts.filter(({ isMissed }) => !isMissed)
    const sinceSent = seen.map((logout) => logout.sinceSent)
    const sinceAnswered = seen.map((logout) => logout.sinceAnswered)
    const failed = logouts.filter(({ status }) => status !== 200)
    return [
      name,
      String(logouts.length),
      ...[0.5, 0.99, 1].map((share) => ms(sinceSent, share)),
      ms(sinceAnswered, 0.5),
      String(failed.length),
      String(logouts.length - seen.length)
    ]
  })
  printTable(`From a logout on one node to the 401 on another, mode '${args.mode}'`, columns, rows)
}
