import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import {
  connect,
  eventuallyStatus,
  MODES,
  type Mode,
  postWithAccess,
  sidOf,
  startApp
} from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

interface Pair {
  app: FastifyInstance
  /** Another process, whose client stays with the master. */
  other: FastifyInstance
  /** Stops the replication, so that the replica becomes stale. */
  fallBehind(): void
  toReplica(): Promise<void>
  toMaster(): Promise<void>
}

/** Starts an application whose connection is switched from a master to a stale replica and back. */
async function startPair(t: Test, mode: Mode, grace = 0): Promise<Pair> {
  const master = await startRedis(t, ['--repl-diskless-sync-delay', '0'])
  const replication = await startProxy(t, master.port)
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', String(replication.port)])
  const direct = { master: master.client(), replica: replica.client() }
  const isBehind = async () => (await offset(direct.replica)) < (await offset(direct.master))
  await eventually(async () => (await direct.replica.info('replication')).includes('master_link_status:up'))
  const proxy = await startProxy(t, master.port)
  const redis = connect(t, proxy.port)
  const options = {
    keyPrefix: `test:${randomUUID()}:`,
    revocation: MODES[mode],
    refreshToken: { grace }
  }
  const { app } = await startApp(t, redis, options)
  const { app: other } = await startApp(t, direct.master, options)
  const connectTo = async (port: number, role: string) => {
    proxy.leadTo(port)
    await eventually(async () => String(await redis.info('replication').catch(() => '')).includes(role))
  }
  return {
    app,
    other,
    fallBehind() {
      replication.freeze()
    },
    async toReplica() {
      await eventually(isBehind)
      await connectTo(replica.port, 'role:slave')
    },
    toMaster: () => connectTo(master.port, 'role:master')
  }
}

async function offset(redis: Redis): Promise<number> {
  return Number(/master_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1])
}

async function login(app: FastifyInstance): Promise<Client> {
  const client = new Client(app)
  await eventuallyStatus(() => client.login())
  return client
}

t.test('a stale replica does not log out a new session, and its logout is executed later', async (t) => {
  const { app, fallBehind, toReplica, toMaster } = await startPair(t, 'none')
  fallBehind()
  const [client, leaving] = [await login(app), await login(app)]
  await toReplica()
  t.equal((await client.copy().refresh()).statusCode, 503, 'a refresh')
  t.equal((await leaving.copy().logout()).statusCode, 503, 'a logout')
  await toMaster()
  t.equal(await eventuallyStatus(() => client.refresh()), 200, 'the same token refreshes')
  await eventually(async () => (await app.sessions.get(sidOf(leaving))) === null)
})

t.test('a logout-all of new sessions on a stale replica is executed later', async (t) => {
  const { app, fallBehind, toReplica, toMaster } = await startPair(t, 'none')
  fallBehind()
  const client = await login(app)
  await toReplica()
  t.equal((await postWithAccess(client, '/auth/logout-all')).statusCode, 503)
  await toMaster()
  await eventually(async () => (await app.sessions.get(sidOf(client))) === null)
})

t.test('removing a new device on a stale replica is a 503, not a 404', async (t) => {
  const { app, fallBehind, toReplica } = await startPair(t, 'none')
  const client = await login(app)
  fallBehind()
  const device = await login(app)
  await toReplica()
  const url = `/auth/sessions/${sidOf(device)}`
  const response = await app.inject({ method: 'DELETE', url, headers: client.accessHeaders() })
  t.equal(response.statusCode, 503)
})

t.test('a session with newer refreshes continues after a stale replica', async (t) => {
  const { app, fallBehind, toReplica, toMaster } = await startPair(t, 'none')
  const client = await login(app)
  await client.refresh()
  fallBehind()
  for (let i = 0; i < 3; i++) await client.refresh()
  await toReplica()
  t.equal((await client.copy().refresh()).statusCode, 503)
  t.equal((await client.call()).statusCode, 200)
  await toMaster()
  t.equal(await eventuallyStatus(() => client.refresh()), 200)
  t.equal((await client.call()).statusCode, 200)
})

t.test('a revoked session gets no access token from a stale replica', async (t) => {
  const { app, other, fallBehind, toReplica } = await startPair(t, 'none', 30)
  const client = await login(app)
  await client.refresh()
  // The generation is in its cooldown now.
  await client.refresh()
  fallBehind()
  t.equal((await new Client(other, {}, client.jar.copy()).logout()).statusCode, 200)
  await toReplica()
  t.equal((await client.refresh()).statusCode, 503)
})

t.test('mode store rejects access tokens while the replica is stale', async (t) => {
  const { app, other, fallBehind, toReplica } = await startPair(t, 'store')
  const client = await login(app)
  fallBehind()
  t.equal((await new Client(other, {}, client.jar.copy()).logout()).statusCode, 200)
  await toReplica()
  t.equal((await client.call()).statusCode, 503)
})
