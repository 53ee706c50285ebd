import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeEnvironment } from './harness/environment.mjs'
import { startRedis } from './harness/redis.mjs'
import { startServer } from './harness/servers.mjs'
import { percentile } from './harness/statistics.mjs'
import { printTable, progress } from './harness/table.mjs'
import { userName } from './implementations/common.mjs'
import { logIn } from './load/clients.mjs'
import { Connection } from './load/connection.mjs'
import { loginRequest, post, transports } from './load/transports.mjs'

/** Compares requests that wait for a replica with requests that do not, in turn. */
const { values: args } = parseArgs({ options: { short: { type: 'boolean', default: false } } })

const REQUESTS = args.short ? 20 : 1000
const CONNECTIONS = 50
const ROUNDS = args.short ? 1 : 5
const ROUND_MS = args.short ? 200 : 2000
/** How much longer each packet between master and replica takes. */
const DELAYS_MS = [0, 1]

const OPERATIONS = ['login', 'refresh', 'logout']
const SETTINGS = {
  'no wait': {},
  'one replica': { replicas: 1, of: ['revoke', 'create', 'rotate'] }
}

process.env.NODE_ENV = 'production'
const rows = []
for (const delayMs of DELAYS_MS) rows.push(...(await measure(delayMs)))
printTable(
  'Requests that wait for a replica',
  [
    '',
    ...OPERATIONS.flatMap((name) => [`${name} p50 ms`, 'p99 ms']),
    `refreshes/s, ${CONNECTIONS} connections`
  ],
  rows
)
process.exit()

async function measure(delayMs) {
  const [master, replica] = await Promise.all([startRedis(null), startRedis(null)])
  if (delayMs === DELAYS_MS[0]) console.log((await describeEnvironment(master)).slice(0, 2).join('; '))
  await replica.client.replicaof('127.0.0.1', await startDelay(master.port, delayMs))
  while (!(await replica.client.info('replication')).includes('master_link_status:up')) await sleep(20)

  const names = Object.keys(SETTINGS)
  const servers = await Promise.all(
    names.map((name) =>
      startServer({ from: 'this-plugin', settings: { mode: 'feed', durability: SETTINGS[name] } }, master, {
        core: null
      })
    )
  )
  const latencies = await measureLatencies(servers)
  const rates = await measureRates(servers)
  for (const server of servers) await server.stop()
  for (const redis of [replica, master]) await redis.stop()
  return names.map((name, i) => [
    `${name}${delayMs > 0 ? `, ${delayMs} ms to the replica` : ''}`,
    ...OPERATIONS.flatMap((operation) =>
      [0.5, 0.99].map((share) => percentile(latencies[i][operation], share).toFixed(2))
    ),
    String(Math.round(percentile(rates[i], 0.5)))
  ])
}

/** Sends one request after the other, to each server in turn. */
async function measureLatencies(servers) {
  const connections = servers.map(({ port }) => new Connection(port))
  const latencies = servers.map(() => ({ login: [], refresh: [], logout: [] }))
  for (let i = 0; i < REQUESTS; i++) {
    for (const [at, connection] of connections.entries()) {
      const send = async (operation, request) => {
        const sentAt = performance.now()
        const response = await connection.request(request)
        latencies[at][operation].push(performance.now() - sentAt)
        if (response.status !== 200) throw new Error(`${operation} was ${response.status}`)
        return response
      }
      const { head, body } = await send('login', loginRequest(userName(i)))
      const session = transports.cookie.read(head, body)
      const refreshed = await send('refresh', transports.cookie.refresh(session))
      const { access } = transports.cookie.read(refreshed.head, refreshed.body)
      await send('logout', post('/auth/logout', `authorization: Bearer ${access}`))
    }
  }
  for (const connection of connections) connection.close()
  return latencies
}

/** Refreshes on many connections, on each server in turn. Returns the rate of each round. */
async function measureRates(servers) {
  const rates = servers.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    progress(`round ${round + 1} of ${ROUNDS}`)
    for (const [at, { port }] of servers.entries()) {
      const connections = Array.from({ length: CONNECTIONS }, () => new Connection(port))
      const sessions = await Promise.all(
        connections.map((connection, i) => logIn(connection, 'cookie', userName(i)))
      )
      const until = performance.now() + ROUND_MS
      const counts = await Promise.all(
        connections.map((connection, i) => refreshUntil(until, connection, sessions[i]))
      )
      rates[at].push(counts.reduce((sum, count) => sum + count) / (ROUND_MS / 1000))
      for (const connection of connections) connection.close()
    }
  }
  return rates
}

async function refreshUntil(until, connection, session) {
  let count = 0
  for (; performance.now() < until; count++) {
    const { status, head, body } = await connection.request(transports.cookie.refresh(session))
    if (status !== 200) throw new Error(`refresh was ${status}`)
    Object.assign(session, transports.cookie.read(head, body))
  }
  return count
}

/** Starts a proxy that delays each packet. Returns its port. */
async function startDelay(port, delayMs) {
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ]) {
      from.on('data', (chunk) => (delayMs > 0 ? setTimeout(() => to.write(chunk), delayMs) : to.write(chunk)))
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}
