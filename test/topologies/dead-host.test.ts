import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions, RedisClient } from '../../lib/index.js'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { eventuallyStatus, startApp } from '../support/outage.js'
import { startProxy } from '../support/proxy.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startCluster, startSentinel } from '../support/topologies.js'

// A machine that loses its power closes no connection: the client sees the same as with a process that was stopped.

// The tests mostly wait, each for its own servers.
t.jobs = 3

const LIMIT_MS = 60_000
const USERS = 8

async function logInUsers(t: Test, redis: RedisClient, options: Partial<FastifyRefreshTokenOptions> = {}) {
  const keyPrefix = `test:${randomUUID()}:`
  const { app, logs } = await startApp(t, redis, { keyPrefix, storeTimeout: '2s', ...options }, 'info')
  const users = Array.from({ length: USERS }, () => new Client(app))
  for (const [i, user] of users.entries())
    t.equal(await eventuallyStatus(() => user.login({ sub: `user-${i}` })), 200)
  return { users, logs }
}

function stopForever(t: Test, { pid }: RedisServer): void {
  t.after(() => process.kill(pid, 'SIGCONT'))
  process.kill(pid, 'SIGSTOP')
}

async function checkContinues(t: Test, users: Client[]): Promise<void> {
  for (const user of users) {
    await eventually(async () => {
      const { statusCode } = await user.refresh()
      if (statusCode !== 503 && statusCode !== 200) t.fail(`a refresh was ${statusCode}`)
      return statusCode === 200
    }, LIMIT_MS)
  }
  t.pass('all users continue')
}

for (const mode of ['feed', 'store'] as const) {
  t.test(`Sentinel: the machine of the master is gone, with the default options: ${mode}`, async (t) => {
    const topology = await startSentinel(t, { downAfterMs: 2000 })
    const { users, logs } = await logInUsers(t, topology.connect() as RedisClient, { revocation: { mode } })
    await topology.waitForReplication()
    stopForever(t, await topology.masterOf(''))
    await checkContinues(t, users)
    t.ok(logs.some(({ event }) => event === 'redis_client_moved'))
  })
}

t.test('Redis Cluster: the machine of a master is gone, with socketTimeout', async (t) => {
  const topology = await startCluster(t)
  const redis = topology.connect({ redisOptions: { socketTimeout: 5000 } })
  const { users } = await logInUsers(t, redis as RedisClient)
  await topology.waitForReplication()
  const [master] = await topology.masters()
  stopForever(t, master as RedisServer)
  await checkContinues(t, users)
})

t.test('one server: a firewall forgets the connections of the client', async (t) => {
  const server = await startRedis(t)
  const ofClient = await startProxy(t, server.port)
  const redis = new Redis(ofClient.port)
  redis.on('error', () => {})
  t.after(() => redis.disconnect())
  const reader = server.client()
  const client = Object.assign(redis, { duplicate: reader.duplicate.bind(reader) })
  const { users } = await logInUsers(t, client as RedisClient)
  ofClient.abandon()
  await checkContinues(t, users)
})
