import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, type Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { MemoryStore, type SessionStore } from '../../../lib/index.js'
import { type AppUnderTest, buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { nodesOf } from '../../support/proxy.js'
import { type ClientOptions, startRedis } from '../../support/redis-server.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../../support/stores.js'

/** Every refresh rotates, and a retired token is reuse: no time has to pass. */
const options = {
  refreshToken: { grace: 0 },
  session: { maxPerUser: 3, load: (sub: string) => (sub === 'disabled' ? null : {}) }
}

/** The same store, which tells what was asked of it. */
function watched(under: StoreUnderTest) {
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

/** The same client, of another process. */
function at({ app }: Pick<AppUnderTest, 'app'>, client: Client): Client {
  return new Client(app, client.options, client.jar)
}

/** A confirmation is told, and no answer waits for it. */
function isQuestion(call: string): boolean {
  return call !== 'confirm'
}

async function isRefused(client: Client): Promise<boolean> {
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

/** Ways in which a session ends: each is given one, and the app that ends it. */
const ends: Record<string, (client: Client, app: AppUnderTest, under: StoreUnderTest) => Promise<unknown>> = {
  logout: (client) => client.copy().logout(),

  async 'DELETE /auth/sessions/:id'(client, { app }) {
    const other = await login(app, 'ada')
    const url = `/auth/sessions/${await sidOf(client)}`
    return app.inject({ method: 'DELETE', url, headers: other.accessHeaders() })
  },

  'logout everywhere': (client, { app }) =>
    app.inject({ method: 'POST', url: '/auth/logout-all', headers: client.accessHeaders() }),

  'sessions.revoke': async (client, { app }) => app.sessions.revoke(await sidOf(client)),

  'sessions.revokeAll': (_client, { app }) => app.sessions.revokeAll('ada'),

  async 'a refresh token that is reused'(client, _app, { settled }) {
    const thief = client.copy()
    await client.refresh()
    await client.call()
    await settled()
    return thief.refresh()
  },

  async 'more sessions than a user may have'(_client, { app }, { skew }) {
    skew(1)
    for (let i = 0; i < 3; i++) await login(app, 'ada')
  },

  'a login that replaces it': (client) => client.copy().login(),

  async 'session.load that says no'(client, { app }) {
    const disabled = await login(app, 'disabled')
    Object.assign(client.jar, disabled.jar)
    return client.copy().refresh()
  }
}

t.test('a session that ends in one process is over in the memory of every other', async (t) => {
  await eachStore(t, async (t, open) => {
    const under = open(t)
    const one = await buildApp(t, { under, options })
    const { calls, under: seen } = watched(under)
    const other = await buildApp(t, { under: seen, options })
    for (const [name, end] of Object.entries(ends)) {
      await t.test(name, async (t) => {
        const client = await login(one.app, 'ada')
        await end(client, one, under)
        calls.length = 0
        await eventually(() => isRefused(at(other, client)))
        const answer = await at(other, client).call()
        t.equal(answer.statusCode, 401)
        t.equal(answer.json().code, 'FRT_ERR_SESSION_REVOKED')
        t.match(answer.headers['www-authenticate'], /error="invalid_token"/)
        t.same(calls.filter(isQuestion), [], 'no store was asked')
        t.equal((await client.call()).statusCode, 401, 'nor does the process itself let it in')
        const starter = await buildApp(t, { under, options })
        t.equal((await at(starter, client).call()).statusCode, 401, 'nor one that started later')
        await one.app.sessions.revokeAll('ada')
      })
    }
    await t.test('and those that have not ended go on', async (t) => {
      const client = await login(one.app, 'grace')
      await client.copy().login({ sub: 'ada' })
      const spared = await login(one.app, 'grace')
      await eventually(() => isRefused(at(other, client)))
      calls.length = 0
      t.equal((await at(other, spared).call()).statusCode, 200)
      t.same(calls, [])
    })
  })
})

t.test('a theft that another process has found out is told as one', async (t) => {
  await eachStore(t, async (t, open) => {
    const under = open(t)
    const one = await buildApp(t, { under, options })
    const other = await buildApp(t, { under, options })
    const client = await login(one.app, 'ada')
    await ends['a refresh token that is reused']?.(client, one, under)
    await eventually(() => isRefused(at(other, client)))
    const answer = await at(other, client).refresh()
    t.equal(answer.statusCode, 401)
    t.equal(answer.json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  })
})

t.test('while the other process cannot reach the store, it knows all the same', async (t) => {
  const under = openMemoryStore()
  const one = await buildApp(t, { under })
  const client = await login(one.app, 'ada')
  const down = Object.assign(Object.create(under.store), {
    has: () => Promise.reject(new Error('READONLY')),
    openFeed: (settings: Parameters<MemoryStore['openFeed']>[0]) => under.store.openFeed?.(settings)
  })
  const other = await buildApp(t, { under: { ...under, store: down } })
  t.equal((await at(other, client).call()).statusCode, 200)
  await client.copy().logout()
  t.equal((await at(other, client).call()).statusCode, 401)
})

/** A store that ends many more sessions than there were: to begin them takes long. */
function endingMany(count: number) {
  return (store: SessionStore): Partial<SessionStore> => ({
    async revokeAll(...args) {
      const ended = await store.revokeAll(...args)
      const [first] = ended
      if (!first) return []
      const others = Array.from({ length: count - ended.length }, (_, i) => String(100_000 + i))
      return [...others.map((end) => ({ ...first, sid: first.sid.slice(0, -6) + end })), ...ended]
    }
  })
}

t.test('many sessions are told of together', async (t) => {
  const server = await startRedis(t)
  for (const [count, entries] of [
    [100, 1],
    [2500, 5]
  ] as const) {
    await t.test(`${count} in ${entries}`, async (t) => {
      const redis = server.client()
      const nodes = nodesOf(t)
      const { app } = await nodes.start(redis, {}, endingMany(count))
      const other = await nodes.start(server.client())
      const clients = await Promise.all(Array.from({ length: 10 }, () => login(app, 'ada')))
      t.equal(await app.sessions.revokeAll('ada'), count)
      t.equal(await redis.xlen(nodes.feed), entries)
      for (const client of clients) await eventually(() => isRefused(at(other, client)))
      t.equal(await app.sessions.revokeAll('ada'), 0)
      t.equal(await redis.xlen(nodes.feed), entries, 'nothing is told of nothing')
    })
  }
})

t.test('thousands that end at once arrive all: with who listens, and with who comes later', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = nodesOf(t, { storeTimeout: '20s' })
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client())
  const real = await Promise.all(Array.from({ length: 30 }, (_, i) => login(one.app, `user ${i}`)))
  const sids = await Promise.all(real.map(sidOf))
  // Between them sessions that are over already: of those is told as well.
  const all = sids.flatMap((sid, i) => [
    ...Array.from({ length: 100 }, (_, j) => sid.slice(0, -6) + String(100_000 + 100 * i + j)),
    sid
  ])
  await Promise.all(all.map((sid) => one.app.sessions.revoke(sid)))
  t.equal(await redis.xlen(nodes.feed), all.length)
  for (const client of real) await eventually(() => isRefused(at(other, client)))
  const late = await nodes.start(server.client())
  for (const client of real) t.equal((await at(late, client).call()).statusCode, 401)
  t.same(late.calls, ['openFeed', 'warnings'])
})

t.test('a logout that is made again tells of it no more', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = nodesOf(t)
  const one = await nodes.start(redis)
  const other = await nodes.start(server.client())
  const client = await login(one.app, 'ada')
  await client.copy().logout()
  await eventually(() => isRefused(at(other, client)))
  for (const node of [one, other]) t.equal((await at(node, client.copy()).logout()).statusCode, 200)
  t.equal(await redis.xlen(nodes.feed), 1)
})

t.test('what is in the stream is not secret: sids, a reason and a time', async (t) => {
  const redis = (await startRedis(t)).client()
  const nodes = nodesOf(t, { session: { maxPerUser: 1 } })
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
    parsed.map((each) => Object.keys(each).sort()),
    [1, 2].map(() => ['expiresAtMs', 'field', 'reason', 'sids'])
  )
  const text = JSON.stringify(entries)
  for (const secret of secrets.flatMap((each) => [each, ...each.split('.')])) t.notOk(text.includes(secret))
})

t.test("a store of one's own", async (t) => {
  await t.test('without a feed is asked at each request, unless another mode is set', async (t) => {
    for (const [mode, asked] of [
      [undefined, ['has']],
      ['store', ['has']],
      ['none', []]
    ] as const) {
      await t.test(`mode ${mode}`, async (t) => {
        const { calls, under } = watched(openMemoryStore())
        const { app } = await buildApp(t, {
          under: { ...under, store: without(under.store) },
          options: { revocation: { mode } }
        })
        const client = await login(app, 'ada')
        calls.length = 0
        t.equal((await client.call()).statusCode, 200)
        t.same(calls, asked)
      })
    }
  })

  await t.test("without a feed cannot have the mode 'feed'", async (t) => {
    const under = openMemoryStore()
    const refused = buildApp(t, {
      under: { ...under, store: without(under.store) },
      options: { revocation: { mode: 'feed' } }
    })
    await t.rejects(refused, { code: 'FRT_ERR_INVALID_OPTION', message: /revocation\.mode/ })
  })

  await t.test('with a feed has it by default', async (t) => {
    const { calls, under } = watched(openMemoryStore())
    const { app } = await buildApp(t, { under })
    const client = await login(app, 'ada')
    calls.length = 0
    t.equal((await client.call()).statusCode, 200)
    t.same(calls, [])
  })

  function without(store: SessionStore): SessionStore {
    return new Proxy(store, {
      get(target, name) {
        const method: unknown = name === 'openFeed' ? undefined : Reflect.get(target, name)
        return typeof method === 'function' ? method.bind(target) : method
      }
    })
  }
})

t.test("in the modes 'store' and 'none' there is no feed", async (t) => {
  const server = await startRedis(t)
  for (const mode of ['store', 'none'] as const) {
    await t.test(mode, async (t) => {
      const redis = server.client()
      const nodes = nodesOf(t, { revocation: { mode } })
      const { app, calls } = await nodes.start(redis)
      await (await login(app, 'ada')).logout()
      t.equal(await redis.exists(nodes.feed), 0)
      t.notOk(calls.includes('openFeed'))
    })
  }
})

t.test('the feed of a memory store', async (t) => {
  const settings = (onRevocation: (sids: string[]) => void) => ({
    onRevocation: ({ sids }: { sids: string[] }) => onRevocation(sids),
    onRepublished() {},
    staleAfterMs: 5000,
    accessTokenTtlMs: 300_000,
    onEvent() {}
  })

  await t.test('tells until it is closed, and holds nothing then', async (t) => {
    const store = new MemoryStore()
    const received: string[] = []
    const writing = store.openFeed(settings(() => {}))
    const feed = store.openFeed(settings((sids) => received.push(...sids)))
    await writing.add({ sids: ['a'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, [], 'not before it follows')
    await feed.follow()
    await writing.add({ sids: ['b'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, ['a', 'b'])
    t.equal(feed.isStale(), false)
    feed.close()
    feed.close()
    await writing.add({ sids: ['c'], reason: 'logout', expiresAtMs: 0 })
    t.same(received, ['a', 'b'])
  })

  await t.test('an app that closes leaves it', async (t) => {
    const under = openMemoryStore()
    const one = await buildApp(t, { under })
    const other = await buildApp(t, { under })
    const client = await login(one.app, 'ada')
    await other.app.close()
    await client.logout()
    t.equal((await one.app.sessions.list('ada')).length, 0)
  })
})

/** Each would end a read that waits, hide that it failed, or change what is read, if the reader had it. */
const clients: Record<string, ClientOptions> = {
  'commandTimeout shorter than the read waits': { commandTimeout: 200 },
  socketTimeout: { socketTimeout: 200 },
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

const watchful = { revocation: { staleAfter: '1s', onStale: 'deny' } } as const

/** What ends in the one process reaches the other, and the other way round. */
async function hearEachOther(t: Test, one: AppUnderTest, other: AppUnderTest & { calls: string[] }) {
  for (const [ending, hearing] of [
    [one, other],
    [other, one]
  ] as const) {
    const client = await login(ending.app, 'ada')
    t.equal((await at(hearing, client).call()).statusCode, 200)
    other.calls.length = 0
    t.equal((await client.copy().logout()).statusCode, 200)
    await eventually(() => isRefused(at(hearing, client)))
    t.notOk(other.calls.includes('has'), 'the store is not asked: the feed is not stale')
  }
}

t.test("the options of the user's client do not matter to the reader", async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const permissions = '~test:* +@read +@write +@scripting +@connection +info +time'.split(' ')
  await direct.acl('SETUSER', 'frt', 'on', '>a password', ...permissions)
  const nodes = nodesOf(t, watchful)
  for (const [name, given] of Object.entries(clients)) {
    const { keyPrefix = '', db = 0 } = given
    const redis = server.client({ ...given, connectionName: name.replaceAll(' ', '-') })
    if (!given.lazyConnect) await once(redis, 'ready')
    const one = await nodes.start(server.client({ keyPrefix, db }))
    const other = await nodes.start(redis)
    await t.test(name, (t) => hearEachOther(t, one, other))
  }

  await staysConnected(t, direct)
})

/** While several reads wait, and nothing comes, nobody has to connect again. */
async function staysConnected(t: Test, direct: Redis): Promise<void> {
  const connections = async () => /total_connections_received:(\d+)/.exec(await direct.info('stats'))?.[1]
  const before = await connections()
  await sleep(700)
  t.equal(await connections(), before)
}

t.test('a Cluster', async (t) => {
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
    const made = new Cluster([{ host: '127.0.0.1', port: server.port }], { ...options, redisOptions })
    t.after(() => made.disconnect())
    if (!options.lazyConnect) await once(made, 'ready')
    return made
  }
  const nodes = nodesOf(t, watchful)
  const one = await nodes.start(await cluster())
  const others: Record<string, Parameters<typeof cluster>[0]> = {
    'as it is': {},
    'that reads from replicas': { scaleReads: 'slave' },
    'that connects when it is used': { lazyConnect: true },
    'that pipelines, and gives up early': {
      enableAutoPipelining: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: () => null,
      redisOptions: { commandTimeout: 200, socketTimeout: 200, maxRetriesPerRequest: 0 }
    }
  }
  for (const [name, options] of Object.entries(others)) {
    const other = await nodes.start(await cluster(options))
    await t.test(name, (t) => hearEachOther(t, one, other))
  }
  await staysConnected(t, direct)
})
