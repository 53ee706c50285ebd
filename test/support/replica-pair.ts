import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { Client } from './client.js'
import { eventually } from './eventually.js'
import { startLiveApp } from './live-app.js'
import { type RedisServer, startRedis } from './redis-server.js'
import { REPLICATION } from './topologies.js'

/** Starts a master and its replica. The test can pause and resume the replica. */
export async function startPair(t: Test) {
  const master = await startRedis(t, REPLICATION)
  const replica = await startRedis(t, [...REPLICATION, '--replicaof', '127.0.0.1', String(master.port)])
  await eventually(async () => (await replica.client().info('replication')).includes('master_link_status:up'))
  const sendSignal = (name: NodeJS.Signals) => process.kill(replica.pid, name)
  // A paused process does not react to SIGTERM.
  t.after(() => {
    sendSignal('SIGCONT')
  })
  return { master, replica, pause: () => sendSignal('SIGSTOP'), resume: () => sendSignal('SIGCONT') }
}

/** Starts an application. Its store timeout is short, because the replica is paused, but long enough for a busy machine. */
export async function startAppOn(
  t: Test,
  { client }: RedisServer,
  options: Partial<FastifyRefreshTokenOptions>
) {
  const { app } = await startLiveApp(t, { redis: client(), storeTimeout: '3s', ...options })
  return app
}

/** Logs in. The first calls of a connection may take longer than the store timeout. */
export async function logIn(app: FastifyInstance, sub = 'ada'): Promise<Client> {
  const client = new Client(app)
  await eventually(async () => (await client.login({ sub })).statusCode === 200)
  return client
}
