import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, type LogoutEvent, RedisStore } from '../../../lib/index.js'
import { newSession } from '../../../lib/testing/conformance/test-client.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import type { RedisServer } from '../../support/redis-server.js'
import { logIn, startAppOn, startPair } from '../../support/replica-pair.js'
import { isReplicated } from '../../support/server-group.js'
import { startCluster } from '../../support/topologies.js'

const startApp = (t: Test, master: RedisServer, options: Partial<FastifyRefreshTokenOptions> = {}) =>
  startAppOn(t, master, { durability: { replicas: 1 }, ...options })

t.test('a successful logout is on the replica, and a failover does not undo it', async (t) => {
  const { master, replica } = await startPair(t)
  const app = await startApp(t, master, { storeTimeout: '10s' })
  const clients = await Promise.all(Array.from({ length: 150 }, (_, i) => logIn(app, `user-${i}`)))
  const replicaClient = replica.client()
  await eventually(() => isReplicated(master, 1))

  const statuses = await Promise.all(
    clients.map(async (client) => {
      const { statusCode } = await client.copy().logout()
      return statusCode
    })
  )
  process.kill(master.pid, 'SIGKILL')
  t.same(new Set(statuses), new Set([200]))
  await replicaClient.replicaof('NO', 'ONE')
  const promoted = await startApp(t, replica, { storeTimeout: '10s', durability: {} })
  for (const client of clients) {
    const response = await new Client(promoted, {}, client.jar).refresh()
    t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
  }
})

t.test('a replica that lags causes a 503, but the session is revoked', async (t) => {
  const { master, pause, resume } = await startPair(t)
  const logouts: LogoutEvent[] = []
  const app = await startApp(t, master, { onLogout: (event) => logouts.push(event) })
  const other = await startApp(t, master)
  const clients = [await logIn(app, 'ada'), await logIn(app, 'grace')] as const
  const [ada, grace] = clients
  pause()

  for (const response of [await ada.copy().logout(), await logoutEverywhere(grace)]) {
    t.equal(response.statusCode, 503)
    t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
    t.equal(response.headers['retry-after'], '1')
    t.equal(response.headers['set-cookie'], undefined)
  }
  for (const client of clients) {
    t.equal((await client.copy().refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    await eventually(async () => (await new Client(other, {}, client.jar).call()).statusCode === 401)
  }
  t.equal((await logIn(app, 'a login does not wait for replicas')).jar.accessToken?.slice(0, 3), 'eyJ')

  resume()
  await eventually(async () => (await ada.copy().logout()).statusCode === 200)
  t.same(
    logouts.map(({ sub }) => sub),
    ['ada', 'grace']
  )
})

t.test('a revocation that a failover undid is repeated', async (t) => {
  const { master, pause, resume } = await startPair(t)
  const app = await startApp(t, master, { keyPrefix: 'restored:' })
  const client = await logIn(app)
  const redis = master.client()
  const [key = ''] = await redis.keys('restored:*:s')
  const [stored, ttl] = [await redis.dumpBuffer(key), await redis.pttl(key)]
  pause()
  t.equal((await client.copy().logout()).statusCode, 503)

  await redis.del(...(await redis.keys('restored:*')))
  await redis.restore(key, ttl, stored)
  resume()
  await eventually(async () => (await redis.exists(key)) === 0)
  t.equal((await redis.keys('restored:*:b:*')).length, 1)
})

t.test('waitForReplicas rejects if a write was undone, or if too few replicas acknowledge', async (t) => {
  const { master, pause } = await startPair(t)
  const redis = master.client()
  const open = (replicas: number) => {
    const store = new RedisStore({ redis, replicas, replicaTimeoutMs: 3000 })
    t.after(() => store.close())
    return store
  }
  const [store, storeOfTwo] = [open(1), open(2)]
  const session = newSession()
  await store.create(session)
  await t.rejects(store.waitForReplicas({ revoked: [session.sid] }), /a failover has undone the write/)
  t.equal(await store.waitForReplicas({ sid: session.sid, gen: 1 }), undefined)
  await t.rejects(store.waitForReplicas({ sid: session.sid, gen: 2 }), /a failover has undone the write/)
  await store.revoke([session.sid], 'logout', 'abcdefgh')
  await store.waitForReplicas({ revoked: [session.sid] })
  t.equal(await store.waitForReplicas({ sid: session.sid, gen: 1 }), 'logout', 'it was revoked meanwhile')
  await store.waitForReplicas({ revoked: [] })
  await t.rejects(storeOfTwo.waitForReplicas({ revoked: [session.sid] }), /1 of 2 replicas/)

  pause()
  const waiting = Array.from({ length: 1000 }, () => store.waitForReplicas({ revoked: [session.sid] }))
  await t.rejects(store.waitForReplicas({ revoked: [session.sid] }), /more than 1000 calls wait/)
  store.close()
  t.ok((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected'))
  await t.rejects(store.waitForReplicas({ revoked: [session.sid] }), /the store was closed/)
})

t.test('calls that arrive during a WAIT share the next one', async (t) => {
  const { master, pause, resume } = await startPair(t)
  const redis = master.client()
  const store = new RedisStore({ redis, replicas: 1, replicaTimeoutMs: 10_000 })
  t.after(() => store.close())
  const revoked = Array.from({ length: 200 }, () => newSession().sid)
  await store.waitForReplicas({ revoked: [newSession().sid] })
  await redis.config('RESETSTAT')
  pause()
  const first = store.waitForReplicas({ revoked: [newSession().sid] })
  await eventually(async () => (await redis.info('clients')).includes('blocked_clients:1'))
  const others = revoked.map((sid) => store.waitForReplicas({ revoked: [sid] }))
  resume()
  await Promise.all([first, ...others])
  const calls = /cmdstat_wait:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]
  t.equal(calls, '2', 'the first one, and the others together')
})

t.test('sessions of one user that cannot be read fail only their own call', async (t) => {
  const { master } = await startPair(t)
  const redis = master.client()
  const store = new RedisStore({ redis, keyPrefix: 'batch:', replicas: 1, replicaTimeoutMs: 10_000 })
  t.after(() => store.close())
  const [broken, other] = [newSession({ sub: 'ada' }), newSession({ sub: 'grace' })]
  await store.create(broken)
  const [key = ''] = await redis.keys('batch:*:s')
  await store.create(other)
  await redis.set(key, 'a later format')
  const wait = ({ sid }: { sid: string }) => store.waitForReplicas({ sid, gen: 1 })
  const [, afterBroken, afterOther] = await Promise.allSettled([wait(other), wait(broken), wait(other)])
  t.match(afterBroken, { status: 'rejected', reason: /unsupported session format/ })
  t.match(afterOther, { status: 'fulfilled' })
})

t.test('a master that hangs fails the calls, and the next one opens another connection', async (t) => {
  const { master } = await startPair(t)
  const redis = master.client()
  const store = new RedisStore({ redis, replicas: 1, replicaTimeoutMs: 100 })
  t.after(() => store.close())
  const revoked = [newSession().sid]
  t.after(() => process.kill(master.pid, 'SIGCONT'))
  process.kill(master.pid, 'SIGSTOP')
  await t.rejects(store.waitForReplicas({ revoked }), /no reply to WAIT within 200 ms/)
  process.kill(master.pid, 'SIGCONT')
  await eventually(() =>
    store.waitForReplicas({ revoked }).then(
      () => true,
      () => false
    )
  )
})

t.test('a revocation is replicated from a full Redis', async (t) => {
  const { master } = await startPair(t)
  const redis = master.client()
  const { app } = await startLiveApp(t, { redis, storeTimeout: '10s', durability: { replicas: 1 } })
  const client = await logIn(app)
  await redis.config('SET', 'maxmemory', '1')
  t.equal((await client.logout()).statusCode, 200)
})

t.test('waitForReplicas replaces a lost connection', async (t) => {
  const { master } = await startPair(t)
  const store = new RedisStore({ redis: master.client(), replicas: 1 })
  t.after(() => store.close())
  const { sid } = newSession()
  await store.waitForReplicas({ revoked: [sid] })
  await master.client().call('CLIENT', 'KILL', 'TYPE', 'normal')
  await eventually(() =>
    store.waitForReplicas({ revoked: [sid] }).then(
      () => true,
      () => false
    )
  )
})

t.test('each master of a Cluster waits for its own replicas', async (t) => {
  const { client: redis, connect } = await startCluster(t)
  const of = ['revoke', 'create', 'rotate'] as const
  const { app } = await startLiveApp(t, { redis, durability: { replicas: 1, of } })
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => logIn(app, `user-${i}`)))
  const refreshes = await Promise.all(clients.map((client) => client.refresh()))
  const logouts = await Promise.all(clients.map((client) => client.logout()))
  t.same(new Set([...refreshes, ...logouts].map(({ statusCode }) => statusCode)), new Set([200]))

  const prefixed = connect({ keyPrefix: 'app:' })
  const { app: withPrefix } = await startLiveApp(t, { redis: prefixed, durability: { replicas: 1, of } })
  for (let i = 0; i < 10; i++)
    t.equal((await new Client(withPrefix).login({ sub: `user-${i}` })).statusCode, 200)

  const { app: ofTwo } = await startLiveApp(t, { redis, storeTimeout: '0.2s', durability: { replicas: 2 } })
  t.equal((await (await logIn(ofTwo)).logout()).statusCode, 503)
})

t.test('after a failover of a Cluster the new master waits for its replicas', async (t) => {
  const topology = await startCluster(t)
  const { client: redis } = topology
  const { app } = await startLiveApp(t, { redis, durability: { replicas: 1, of: ['create'] } })
  const tryLogin = async (sub: string) => (await new Client(app).login({ sub })).statusCode
  t.equal(await tryLogin('ada'), 200)
  const [key = ''] = await keysOf(topology, 'frt:{*}:s')
  const master = await topology.masterOf(key)
  await topology.handOver(master)
  await eventually(async () => (await topology.masterOf(key)).port !== master.port)
  await eventually(async () => (await tryLogin('ada')) === 200)
})

async function keysOf({ masters }: Awaited<ReturnType<typeof startCluster>>, pattern: string) {
  const keys = await Promise.all((await masters()).map((master) => master.client().keys(pattern)))
  return keys.flat()
}

function logoutEverywhere(client: Client) {
  const { app } = client
  return app.inject({ method: 'POST', url: '/auth/logout-all', headers: client.accessHeaders() })
}
