import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, type Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { MemoryStore, type SessionStore } from '../../../lib/index.js'
import { type AppUnderTest, buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { createNodes } from '../../support/proxy.js'
import { type ClientOptions, startRedis } from '../../support/redis-server.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../../support/stores.js'

/** Every refresh rotates, and a retired token is reuse at once, so that no time has to pass. */
const options = {
  refreshToken: { grace: 0 },
  session: { maxPerUser: 3, load: (sub: string) => (sub === 'disabled' ? null : {}) }
}

/** Wraps a store and records the calls. */
function recordCalls(under: StoreUnderTest) {
  const calls: string[] = []
  const store = new Proxy(under.store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...args: unknown[]) => {
        calls.push(String(name))
        return Reflect.apply(method, target, args)
      }
    }
  })
  return { calls, under: { ...under, store } }
}

/** The same client at another process. */
function clientAt({ app }: Pick<AppUnderTest, 'app'>, client: Client): Client {
  return new Client(app, client.options, client.jar)
}

/** Returns whether a request waits for the call. No request waits for a confirmation. */
function isAwaited(call: string): boolean {
  return call !== 'confirm'
}

async function isRejected(client: Client): Promise<boolean> {
  return (await client.call()).statusCode === 401
}

async function login(app: AppUnderTest['app'], sub: string): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub })
  return client
}

async function sidOf(client: Client): Promise<string> {
  return (await client.call()).json().sid
}

/** The ways to revoke a session. Each gets a client and the application that revokes its session. */
const revocations: Record<
  string,
  (client: Client, app: AppUnderTest, under: StoreUnderTest) => Promise<unknown>
> = {
  logout: (client) => client.copy().logout(),

  async 'DELETE /auth/sessions/:id'(client, { app }) {
    const other = await login(app, 'ada')
    const url = `/auth/sessions/${await sidOf(client)}`
    return app.inject({ method: 'DELETE', url, headers: other.accessHeaders() })
  },

  'POST /auth/logout-all': (client, { app }) =>
    app.inject({ method: 'POST', url: '/auth/logout-all', headers: client.accessHeaders() }),

  'sessions.revoke': async (client, { app }) => app.sessions.revoke(await sidOf(client)),

  'sessions.revokeAll': (_client, { app }) => app.sessions.revokeAll('ada'),

  async 'reuse of a refresh token'(client, _app, { settled }) {
    const attacker = client.copy()
    await client.refresh()
    await client.call()
    await settled()
    return attacker.refresh()
  },

  async 'eviction by a login'(_client, { app }, { skew }) {
    skew(1)
    for (let i = 0; i < 3; i++) await login(app, 'ada')
  },

  'replacement by a login': (client) => client.copy().login(),

  async 'session.load that returns null'(client, { app }) {
    const disabled = await login(app, 'disabled')
    Object.assign(client.jar, disabled.jar)
    return client.copy().refresh()
  }
}

t.test('a revocation in one process reaches the memory of every other process', async (t) => {
  await eachStore(t, async (t, open) => {
    const under = open(t)
    const one = await buildApp(t, { under, options })
    const { calls, under: recorded } = recordCalls(under)
    const other = await buildApp(t, { under: recorded, options })
    for (const [name, revoke] of Object.entries(revocations)) {
      await t.test(name, async (t) => {
        const client = await login(one.app, 'ada')
        await revoke(client, one, under)
        calls.length = 0
        await eventually(() => isRejected(clientAt(other, client)))
        const response = await clientAt(other, client).call()
        t.equal(response.statusCode, 401)
        t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
        t.match(response.headers['www-authenticate'], /error="invalid_token"/)
        t.same(calls.filter(isAwaited), [], 'the store was not queried')
        t.equal((await client.call()).statusCode, 401, 'the revoking process rejects it too')
        const newProcess = await buildApp(t, { under, options })
        t.equal(
          (await clientAt(newProcess, client).call()).statusCode,
          401,
          'a process that starts later rejects it too'
        )
        await one.app.sessions.revokeAll('ada')
      })
    }
    await t.test('other sessions stay active', async (t) => {
      const client = await login(one.app, 'grace')
      await client.copy().login({ sub: 'ada' })
      const active = await login(one.app, 'grace')
      await eventually(() => isRejected(clientAt(other, client)))
      calls.length = 0
      t.equal((await clientAt(other, active).call()).statusCode, 200)
      t.same(calls, [])
    })
  })
})

t.test('reuse that another process detected is reported as reuse', async (t) => {
  await eachStore(t, async (t, open) => {
    const under = open(t)
    const one = await buildApp(t, { under, options })
    const other = await buildApp(t, { under, options })
    const client = await login(one.app, 'ada')
    await revocations['reuse of a refresh token']?.(client, one, under)
    await eventually(() => isRejected(clientAt(other, client)))
    const response = await clientAt(other, client).refresh()
    t.equal(response.statusCode, 401)
    t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  })
})

t.test('a process receives revocations while it cannot reach the store', async (t) => {
  const under = openMemoryStore()
  const one = await buildApp(t, { under })
  const client = await login(one.app, 'ada')
  const down = Object.assign(Object.create(under.store), {
    has: () => Promise.reject(new Error('READONLY')),
    openFeed: (settings: Parameters<MemoryStore['openFeed']>[0]) => under.store.openFeed?.(settings)
  })
  const other = await buildApp(t, { under: { ...under, store: down } })
  t.equal((await clientAt(other, client).call()).statusCode, 200)
  await client.copy().logout()
  t.equal((await clientAt(other, client).call()).statusCode, 401)
})

/** Makes `revokeAll` return more sessions than exist, because the creation of so many sessions takes long. */
function revokingMany(count: number) {
  return (store: SessionStore): Partial<SessionStore> => ({
    async revokeAll(...args) {
      const revoked = await store.revokeAll(...args)
      const [first] = revoked
      if (!first) return []
      const others = Array.from({ length: count - revoked.length }, (_, i) => String(100_000 + i))
      return [...others.map((suffix) => ({ ...first, sid: first.sid.slice(0, -6) + suffix })), ...revoked]
    }
  })
}

t.test('many revocations share entries of the feed', async (t) => {
  const server = await startRedis(t)
  for (const [count, entries] of [
    [100, 1],
    [2500, 5]
  ] as const) {
    await t.test(`${count} revocations in ${entries} entries`, async (t) => {
      const redis = server.client()
      const nodes = createNodes(t)
      const { app } = await nodes.start(redis, {}, revokingMany(count))
      const other = await nodes.start(server.client())
      const clients = await Promise.all(Array.from({ length: 10 }, () => login(app, 'ada')))
      t.equal(await app.sessions.revokeAll('ada'), count)
      t.equal(await redis.xlen(nodes.feed), entries)
      for (const client of clients) await eventually(() => isRejected(clientAt(other, client)))
      t.equal(await app.sessions.revokeAll('ada'), 0)
      t.equal(await redis.xlen(nodes.feed), entries, 'nothing is published if nothing was revoked')
    })
  }
})

t.test('thousands of simultaneous revocations reach current and later processes', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = createNodes(t, { storeTimeout: '20s' })
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client())
  const real = await Promise.all(Array.from({ length: 30 }, (_, i) => login(one.app, `user ${i}`)))
  const sids = await Promise.all(real.map(sidOf))
  // Sids without a session in between. Their revocations are published too.
  const all = sids.flatMap((sid, i) => [
    ...Array.from({ length: 100 }, (_, j) => sid.slice(0, -6) + String(100_000 + 100 * i + j)),
    sid
  ])
  await Promise.all(all.map((sid) => one.app.sessions.revoke(sid)))
  t.equal(await redis.xlen(nodes.feed), all.length)
  for (const client of real) await eventually(() => isRejected(clientAt(other, client)))
  const late = await nodes.start(server.client())
  for (const client of real) t.equal((await clientAt(late, client).call()).statusCode, 401)
  t.same(late.calls, ['openFeed', 'warnings'])
})

t.test('a repeated logout publishes nothing', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = createNodes(t)
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client())
  const client = await login(one.app, 'ada')
  await client.copy().logout()
  await eventually(() => isRejected(clientAt(other, client)))
  for (const node of [one, other]) t.equal((await clientAt(node, client.copy()).logout()).statusCode, 200)
  t.equal(await redis.xlen(nodes.feed), 1)
})

t.test('the stream contains no secret, only sids, a reason and a time', async (t) => {
  const redis = (await startRedis(t)).client()
  const nodes = createNodes(t, { session: { maxPerUser: 1 } })
  const { app } = await nodes.start(redis)
  const secrets: string[] = []
  const sids: string[] = []
  for (const sub of ['ada@example.com', 'ada@example.com', 'grace@example.com']) {
    const tokens = await app.sessions.create({
      sub,
      claims: { role: 'secret' },
      metadata: { device: 'secret' }
    })
    secrets.push(tokens.refreshToken, tokens.accessToken, sub, 'secret')
    sids.push(tokens.session.sid)
  }
  await app.sessions.revokeAll('grace@example.com')
  await eventually(async () => (await redis.xlen(nodes.feed)) === 2)
  const entries = await redis.xrange(nodes.feed, '-', '+')
  const parsed = entries.map(([, [, , field, json]]) => ({ field, ...JSON.parse(json as string) }))
  t.match(parsed, [
    { field: 'revocation', sids: [sids[0]], reason: 'evicted', expiresAtMs: Number },
    { field: 'revocation', sids: [sids[2]], reason: 'revoked', expiresAtMs: Number }
  ])
  t.same(
    parsed.map((entry) => Object.keys(entry).sort()),
    [1, 2].map(() => ['expiresAtMs', 'field', 'reason', 'sids'])
  )
  const text = JSON.stringify(entries)
  for (const secret of secrets.flatMap((value) => [value, ...value.split('.')]))
    t.notOk(text.includes(secret))
})

t.test('a custom store', async (t) => {
  await t.test('without a feed is queried at each request, unless another mode is set', async (t) => {
    for (const [mode, expectedCalls] of [
      [undefined, ['has']],
      ['store', ['has']],
      ['none', []]
    ] as const) {
      await t.test(`mode ${mode}`, async (t) => {
        const { calls, under } = recordCalls(openMemoryStore())
        const { app } = await buildApp(t, {
          under: { ...under, store: withoutFeed(under.store) },
          options: { revocation: { mode } }
        })
        const client = await login(app, 'ada')
        calls.length = 0
        t.equal((await client.call()).statusCode, 200)
        t.same(calls, expectedCalls)
      })
    }
  })

  await t.test("without a feed rejects the mode 'feed'", async (t) => {
    const under = openMemoryStore()
    const building = buildApp(t, {
      under: { ...under, store: withoutFeed(under.store) },
      options: { revocation: { mode: 'feed' } }
    })
    await t.rejects(building, { code: 'FRT_ERR_INVALID_OPTION', message: /revocation\.mode/ })
  })

  await t.test('with a feed uses it by default', async (t) => {
    const { calls, under } = recordCalls(openMemoryStore())
    const { app } = await buildApp(t, { under })
    const client = await login(app, 'ada')
    calls.length = 0
    t.equal((await client.call()).statusCode, 200)
    t.same(calls, [])
  })

  function withoutFeed(store: SessionStore): SessionStore {
    return new Proxy(store, {
      get(target, name) {
        const method: unknown = name === 'openFeed' ? undefined : Reflect.get(target, name)
        return typeof method === 'function' ? method.bind(target) : method
      }
    })
  }
})

t.test("the modes 'store' and 'none' open no feed", async (t) => {
  const server = await startRedis(t)
  for (const mode of ['store', 'none'] as const) {
    await t.test(mode, async (t) => {
      const redis = server.client()
      const nodes = createNodes(t, { revocation: { mode } })
      const { app, calls } = await nodes.start(redis)
      await (await login(app, 'ada')).logout()
      t.equal(await redis.exists(nodes.feed), 0)
      t.notOk(calls.includes('openFeed'))
    })
  }
})

t.test('the feed of a MemoryStore', async (t) => {
  const settings = (onRevocation: (sids: string[]) => void) => ({
    onRevocation: ({ sids }: { sids: string[] }) => onRevocation(sids),
    onRepublished() {},
    onMasterChanged() {},
    staleAfterMs: 5000,
    storeTimeoutMs: 2000,
    accessTokenTtlMs: 300_000,
    onEvent() {}
  })

  await t.test('delivers until it is closed', async (t) => {
    const store = new MemoryStore()
    const received: string[] = []
    const writing = store.openFeed(settings(() => {}))
    const feed = store.openFeed(settings((sids) => received.push(...sids)))
    await writing.add({ sids: ['a'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, [], 'nothing is delivered before follow()')
    await feed.follow()
    await writing.add({ sids: ['b'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, ['a', 'b'])
    t.equal(feed.isStale(), false)
    feed.close()
    feed.close()
    await writing.add({ sids: ['c'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, ['a', 'b'])
  })

  await t.test('keeps working after another application closed', async (t) => {
    const under = openMemoryStore()
    const one = await buildApp(t, { under })
    const other = await buildApp(t, { under })
    const client = await login(one.app, 'ada')
    await other.app.close()
    await client.logout()
    t.equal((await one.app.sessions.list('ada')).length, 0)
  })
})

/** Options that would abort a blocking read, hide its failure or change its result if the reader inherited them. */
const clientOptions: Record<string, ClientOptions> = {
  'commandTimeout shorter than a blocking read': { commandTimeout: 1000 },
  socketTimeout: { socketTimeout: 1000 },
  blockingTimeout: { blockingTimeout: 100, blockingTimeoutGrace: 1 },
  enableAutoPipelining: { enableAutoPipelining: true },
  lazyConnect: { lazyConnect: true },
  'no offline queue': { enableOfflineQueue: false },
  'maxRetriesPerRequest 0': { maxRetriesPerRequest: 0 },
  'maxRetriesPerRequest null': { maxRetriesPerRequest: null },
  'retryStrategy never': { retryStrategy: () => null },
  'reconnectOnError always': { reconnectOnError: () => 2 },
  "ioredis's own keyPrefix": { keyPrefix: 'x:' },
  stringNumbers: { stringNumbers: true },
  'protocol 2': { protocol: 2 },
  'protocol 3': { protocol: 3 },
  'another database': { db: 2 },
  'without ready check': { enableReadyCheck: false },
  'a user with a password': { username: 'frt', password: 'a password' }
}

const denyWhenStale = { revocation: { onStale: 'deny' } } as const

/** Checks that a revocation in each process reaches the other. */
async function checkBothDirections(t: Test, one: AppUnderTest, other: AppUnderTest & { calls: string[] }) {
  for (const [revoking, receiving] of [
    [one, other],
    [other, one]
  ] as const) {
    const client = await login(revoking.app, 'ada')
    t.equal((await clientAt(receiving, client).call()).statusCode, 200)
    other.calls.length = 0
    t.equal((await client.copy().logout()).statusCode, 200)
    await eventually(() => isRejected(clientAt(receiving, client)))
    t.notOk(other.calls.includes('has'), 'the store is not queried, so the feed is fresh')
  }
}

t.test("the reader ignores the options of the application's client", async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const permissions = '~test:* +@read +@write +@scripting +@connection +info +time'.split(' ')
  await direct.acl('SETUSER', 'frt', 'on', '>a password', ...permissions)
  const nodes = createNodes(t, denyWhenStale)
  for (const [name, options] of Object.entries(clientOptions)) {
    const { keyPrefix = '', db = 0 } = options
    const redis = server.client({ ...options, connectionName: name.replaceAll(' ', '-') })
    if (!options.lazyConnect) await once(redis, 'ready')
    const one = await nodes.start(server.client({ keyPrefix, db }))
    const other = await nodes.start(redis)
    await t.test(name, (t) => checkBothDirections(t, one, other))
  }

  await checkNoReconnects(t, direct)
})

/** Checks that no reader reconnects while reads wait without new entries. */
async function checkNoReconnects(t: Test, direct: Redis): Promise<void> {
  const connections = async () => /total_connections_received:(\d+)/.exec(await direct.info('stats'))?.[1]
  const before = await connections()
  // A read waits for 1.25 s, a quarter of the default of `staleAfter`.
  await sleep(2000)
  t.equal(await connections(), before)
}

t.test('the reader works with a Cluster client', async (t) => {
  const args = [
    '--cluster-enabled',
    'yes',
    '--cluster-announce-ip',
    '127.0.0.1',
    '--requirepass',
    'a password'
  ]
  const server = await startRedis(t, args)
  const direct = server.client({ password: 'a password' })
  await direct.cluster('ADDSLOTSRANGE', '0', '16383')
  const cluster = async (options: ConstructorParameters<typeof Cluster>[1] = {}) => {
    const redisOptions = { password: 'a password', disconnectTimeout: 100, ...options.redisOptions }
    const client = new Cluster([{ host: '127.0.0.1', port: server.port }], {
      // The default of one second is short for a busy machine.
      slotsRefreshTimeout: 30_000,
      ...{ ...options, redisOptions }
    })
    t.after(() => client.disconnect())
    if (!options.lazyConnect) await once(client, 'ready')
    return client
  }
  const nodes = createNodes(t, denyWhenStale)
  const one = await nodes.start(await cluster())
  const others: Record<string, Parameters<typeof cluster>[0]> = {
    'with default options': {},
    'that reads from replicas': { scaleReads: 'slave' },
    'that connects on first use': { lazyConnect: true },
    'with auto-pipelining and short timeouts': {
      enableAutoPipelining: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: () => null,
      redisOptions: { commandTimeout: 1000, socketTimeout: 1000, maxRetriesPerRequest: 0 }
    }
  }
  for (const [name, options] of Object.entries(others)) {
    const other = await nodes.start(await cluster(options))
    await t.test(name, (t) => checkBothDirections(t, one, other))
  }
  await checkNoReconnects(t, direct)
})
