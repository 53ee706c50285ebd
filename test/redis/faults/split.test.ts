import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type FastifyRefreshTokenOptions, type RedisClient, RedisStore } from '../../../lib/index.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, MODES, type Mode, sidOf, startApp } from '../../support/outage.js'
import { startProxy, type Proxy as TcpProxy, withFeedClient } from '../../support/proxy.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { REPLICATION } from '../../support/topologies.js'

const host = '127.0.0.1'

interface Pair {
  promoted: RedisServer
  /** The way of the application's client and the way of the reader. */
  ofClient: TcpProxy
  ofReader: TcpProxy
  /** Promotes the replica. The application's client and the reader stay on the old master. */
  promote(): Promise<unknown>
  /** Promotes the replica and moves the reader to it. The application's client stays. */
  failOver(): Promise<void>
}

/** Starts a master and a replica. A failover with them needs no Sentinel: the test says who follows which master. */
async function startPair(t: Test): Promise<Pair> {
  const old = await startRedis(t, REPLICATION)
  const promoted = await startRedis(t, [...REPLICATION, '--replicaof', host, String(old.port)])
  const replica = promoted.client()
  await eventually(async () => (await replica.info('replication')).includes('master_link_status:up'))
  const promote = () => replica.replicaof('NO', 'ONE')
  const [ofClient, ofReader] = await Promise.all([startProxy(t, old.port), startProxy(t, old.port)])
  return {
    promoted,
    ofClient,
    ofReader,
    promote,
    async failOver() {
      await promote()
      ofReader.leadTo(promoted.port)
    }
  }
}

/** Clients with the events of ioredis, and without. */
const CLIENTS = {
  'an ioredis client': (client: Redis, reader: Redis): RedisClient =>
    Object.assign(client, { duplicate: reader.duplicate.bind(reader) }),
  'a client without events': withFeedClient
}

async function startSplitApp(t: Test, pair: Pair, kind: keyof typeof CLIENTS, options = {}) {
  const [client, reader] = [pair.ofClient, pair.ofReader].map(({ port }) => connect(t, port)) as [
    Redis,
    Redis
  ]
  const keyPrefix = `test:${randomUUID()}:`
  const settings: Partial<FastifyRefreshTokenOptions> = { keyPrefix, storeTimeout: '2s', ...options }
  const { app, logs } = await startApp(t, CLIENTS[kind](client, reader), settings)
  const count = (name: string) => logs.filter(({ event }) => event === `redis_${name}`).length
  return { app, logs, count, keyPrefix }
}

/** A client, a revocation mode, and the status of a guarded route while the client is on the old master. */
const CASES: [kind: keyof typeof CLIENTS, mode: Mode, guarded: number][] = [
  ['an ioredis client', 'allow', 200],
  ['an ioredis client', 'store', 503],
  ['an ioredis client', 'none', 200],
  ['a client without events', 'allow', 200],
  ['a client without events', 'store', 503]
]

for (const [kind, mode, guardedStatus] of CASES) {
  t.test(`${kind} on the old master gets 503 instead of writes that are lost: ${mode}`, async (t) => {
    const pair = await startPair(t)
    const { app, logs, count, keyPrefix } = await startSplitApp(t, pair, kind, { revocation: MODES[mode] })
    const users = await Promise.all(
      Array.from({ length: 3 }, async (_, i) => {
        const user = new Client(app)
        t.equal((await user.login({ sub: `user-${i}` })).statusCode, 200)
        return user
      })
    )
    const [leaving, refreshing, guarded] = users as [Client, Client, Client]
    const store = new RedisStore({ redis: pair.promoted.client(), keyPrefix })
    const replica = pair.promoted.client()
    await eventually(async () => (await replica.keys(`${keyPrefix}*:s`)).length === users.length)

    await pair.failOver()
    await eventually(() => count('split') === 1)
    for (const request of [
      () => leaving.copy().logout(),
      () => refreshing.loseResponse(),
      () => new Client(app).login({ sub: 'newcomer' })
    ]) {
      const response = await request()
      t.equal(response.statusCode, 503)
      t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
      t.equal(response.headers['retry-after'], '1')
      t.equal(response.headers['set-cookie'], undefined)
    }
    t.equal((await guarded.call()).statusCode, guardedStatus, 'only the mode "store" needs the store')
    t.equal((await leaving.copy().call()).statusCode, 401, 'this process rejects the session at once')

    pair.ofClient.leadTo(pair.promoted.port)
    t.equal(await eventuallyStatus(() => refreshing.refresh()), 200)
    t.equal(await eventuallyStatus(() => new Client(app).login({ sub: 'newcomer' })), 200)
    await eventually(async () => !(await store.has(sidOf(leaving))))
    t.ok(await store.has(sidOf(refreshing)))
    t.equal(count('split'), 1)
    t.equal(count('joined'), 1)
    const revoked = () => logs.filter(({ event }) => event === 'session_revoked').map(({ sid }) => sid)
    // The reply arrives after the session was deleted.
    await eventually(() => revoked().length > 0)
    t.same(revoked(), [sidOf(leaving)], 'the logout is reported once')
  })
}

t.test('the plugin makes the client connect again, unless reconnectOnFailover is false', async (t) => {
  for (const [mode, reconnectOnFailover] of [
    ['allow', true],
    ['store', true],
    ['allow', false],
    ['store', false]
  ] as const) {
    await t.test(`${mode}, ${reconnectOnFailover}`, async (t) => {
      const pair = await startPair(t)
      const options = { reconnectOnFailover, revocation: MODES[mode] }
      const { app, count } = await startSplitApp(t, pair, 'an ioredis client', options)
      t.equal((await new Client(app).login({ sub: 'ada' })).statusCode, 200)
      const connections = pair.ofClient.accepted()
      await pair.failOver()
      await eventually(() => count('split') === 1)
      // The reader connects again every two seconds while it finds the client on the old master.
      const readers = pair.ofReader.accepted()
      await eventually(() => pair.ofReader.accepted() > readers + 1)
      if (reconnectOnFailover) await eventually(() => pair.ofClient.accepted() > connections)
      t.equal(count('client_moved') > 0, reconnectOnFailover)
      t.equal(pair.ofClient.accepted() > connections, reconnectOnFailover)
    })
  }
})

for (const mode of ['allow', 'store'] as const) {
  const options = { revocation: MODES[mode] }

  t.test(`a connection that breaks is no split: ${mode}`, async (t) => {
    const pair = await startPair(t)
    const { app, count } = await startSplitApp(t, pair, 'an ioredis client', options)
    const user = new Client(app)
    t.equal((await user.login({ sub: 'ada' })).statusCode, 200)
    for (const proxies of [[pair.ofClient], [pair.ofReader], [pair.ofClient, pair.ofReader]]) {
      for (const proxy of proxies) proxy.cut()
      t.equal(await eventuallyStatus(() => user.refresh()), 200)
    }
    t.equal(count('split'), 0)
  })

  t.test(`a client that hangs on the old master and wakes gets 503: ${mode}`, async (t) => {
    const pair = await startPair(t)
    const { app, count } = await startSplitApp(t, pair, 'an ioredis client', {
      ...options,
      storeTimeout: '500ms'
    })
    const user = new Client(app)
    t.equal((await user.login({ sub: 'ada' })).statusCode, 200)
    pair.ofClient.freeze()
    await pair.failOver()
    const during = await user.copy().logout()
    t.equal(during.statusCode, 503)
    pair.ofClient.thaw()
    await eventually(() => count('split') === 1)
    t.equal((await user.copy().logout()).statusCode, 503)
  })
}

for (const mode of ['allow', 'store', 'none'] as const) {
  t.test(
    `a logout that the old master took before the split was noticed is made again: ${mode}`,
    async (t) => {
      const pair = await startPair(t)
      const options = { revocation: MODES[mode] }
      const { app, count, keyPrefix } = await startSplitApp(t, pair, 'an ioredis client', options)
      const user = new Client(app)
      t.equal((await user.login({ sub: 'ada' })).statusCode, 200)
      const replica = pair.promoted.client()
      await eventually(async () => (await replica.keys(`${keyPrefix}*:s`)).length === 1)

      await pair.promote()
      const early = await user.copy().logout()
      t.equal(early.statusCode, 200, 'the reader has not moved yet')
      const other = await startApp(t, connect(t, pair.promoted.port), { keyPrefix, ...options })
      const elsewhere = new Client(other.app, {}, user.jar.copy())
      t.equal((await elsewhere.call()).statusCode, 200, 'the new master has the session')
      pair.ofReader.leadTo(pair.promoted.port)
      if (mode === 'allow') await eventually(async () => (await elsewhere.call()).statusCode === 401)

      await eventually(() => count('split') === 1)
      pair.ofClient.leadTo(pair.promoted.port)
      await eventually(async () => (await replica.keys(`${keyPrefix}*:s`)).length === 0)
      t.equal((await elsewhere.copy().refresh()).statusCode, 401)
      t.equal((await elsewhere.call()).statusCode, mode === 'none' ? 200 : 401)
    }
  )
}

t.test('a logout that waits for replicas waits for those of the new master', async (t) => {
  const pair = await startPair(t)
  const next = await startRedis(t, [...REPLICATION, '--replicaof', host, String(pair.promoted.port)])
  await eventually(async () => (await next.client().info('replication')).includes('master_link_status:up'))
  const { app, count } = await startSplitApp(t, pair, 'an ioredis client', { durability: { replicas: 1 } })
  const logOut = async (sub: string) => {
    const user = new Client(app)
    t.equal(await eventuallyStatus(() => user.login({ sub })), 200)
    return eventuallyStatus(() => user.copy().logout())
  }
  t.equal(await logOut('before'), 200)
  await pair.failOver()
  await eventually(() => count('split') === 1)
  pair.ofClient.leadTo(pair.promoted.port)
  t.equal(await logOut('after'), 200)
})
