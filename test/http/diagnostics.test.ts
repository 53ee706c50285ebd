import { spawnSync } from 'node:child_process'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { SessionStore } from '../../lib/index.js'
import { events, operations } from '../../lib/sessions/observability/diagnostics.js'
import { buildApp, DOWN, overriding, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { recordAllMessages, recordMessages, recordTraces } from '../support/diagnostics.js'
import { eventually } from '../support/eventually.js'
import { sidOf } from '../support/outage.js'
import { Secrets } from '../support/secrets.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../support/stores.js'

const MINUTE = 60_000
const keyPrefix = 'frt:'

/** Logs in, rotates, replays a token and reuses a retired token. */
async function runReuse(t: Test, under: StoreUnderTest, options = {}) {
  const built = await buildApp(t, { under, options })
  const client = new Client(built.app)
  await client.login({ sub: 'ada' })
  const attacker = client.copy()
  await client.refresh()
  await client.call()
  await built.settled()
  await client.refresh()
  await built.advance(2 * MINUTE)
  for (let attempt = 0; attempt < 2; attempt++) await attacker.refresh()
  return { ...built, sid: sidOf(client) }
}

t.test('a conflict is one message and one debug line', async (t) => {
  await eachStore(t, async (t, open) => {
    const { app, logs, advance, settled } = await buildApp(t, { under: open(t) })
    const client = new Client(app)
    await client.login({ sub: 'ada' })
    const late = client.copy()
    await client.refresh()
    await client.call()
    await settled()
    await advance(MINUTE)
    const refreshes = recordMessages(t, 'fastify-refresh-token:refresh')
    await late.refresh()
    const ids = { keyPrefix, sub: 'ada', sid: sidOf(client) }
    t.match(refreshes[0]?.id, /^conflict:[\w-]{8}$/)
    t.strictSame(refreshes, [
      { id: refreshes[0]?.id, ...ids, gen: 2, outcome: 'conflict', row: 7, rollback: false }
    ])
    t.match(logs.filter(({ event }) => event !== undefined).slice(2), [
      { level: 20, event: 'refresh_conflict', sid: ids.sid, sub: 'ada', row: 7 }
    ])
  })
})

t.test('login and refresh messages contain the decision of the store', async (t) => {
  await eachStore(t, async (t, open) => {
    const [logins, refreshes, logouts] = [
      recordMessages(t, 'fastify-refresh-token:login'),
      recordMessages(t, 'fastify-refresh-token:refresh'),
      recordMessages(t, 'fastify-refresh-token:logout')
    ]
    const { sid, logs } = await runReuse(t, open(t))
    const ids = { keyPrefix, sub: 'ada', sid }
    t.strictSame(logins, [{ id: `created:${sid}`, ...ids, gen: 1 }])
    const [rotated, replayed] = refreshes.map(({ id }) => id)
    t.match(rotated, /^refreshed:[\w-]{8}$/)
    t.not(rotated, replayed)
    const metadata = { user_agent: 'lightMyRequest', ip: '127.0.0.1' }
    const unchanged = { previousMetadata: metadata, metadata }
    t.strictSame(refreshes, [
      { id: rotated, ...ids, gen: 2, outcome: 'rotated', row: 4, rollback: false, ...unchanged },
      { id: replayed, ...ids, gen: 2, outcome: 'replayed', row: 3, rollback: false, ...unchanged },
      { id: `ended:${sid}`, ...ids, gen: 2, outcome: 'reused', row: 8, rollback: false }
    ])
    t.same(logouts, [], 'reuse is not a logout')

    const lines = logs.filter(({ event }) => event !== undefined)
    t.match(lines, [
      { level: 30, event: 'session_created', sid, sub: 'ada' },
      { level: 20, event: 'session_refreshed', sid, sub: 'ada', outcome: 'rotated', row: 4 },
      { level: 20, event: 'session_refreshed', sid, sub: 'ada', outcome: 'replayed', row: 3 },
      { level: 40, event: 'refresh_token_reused', sid, sub: 'ada', row: 8 }
    ])
    t.equal(lines.length, 4, 'one line each')
  })
})

t.test('a token that is ahead of the store is reported as rolled back', async (t) => {
  await eachStore(t, async (t, open) => {
    const refreshes = recordMessages(t, 'fastify-refresh-token:refresh')
    const under = open(t)
    const { app, logs, store } = await buildApp(t, { under, options: { refreshToken: { grace: 0 } } })
    // The store is replaced by results that it returns after lost writes.
    const client = new Client(app)
    await client.login({ sub: 'ada' })
    const sid = sidOf(client)
    const rotate = store.rotate.bind(store)
    store.rotate = async (refresh) => {
      const outcome = await rotate(refresh)
      return outcome.outcome === 'rotated' ? { ...outcome, row: 9, rollback: true } : outcome
    }
    await client.refresh()
    store.rotate = async (refresh) => {
      const session = await store.get(refresh.sid)
      if (!session) throw new Error('no session')
      return { outcome: 'rolled-back', row: 10, session }
    }
    await client.refresh()
    t.match(refreshes, [
      { sid, outcome: 'rotated', row: 9, rollback: true },
      { sid, outcome: 'rolled-back', row: 10, rollback: false }
    ])
    t.match(
      logs.filter(({ level }) => Number(level) >= 40),
      [
        { level: 40, event: 'store_write_lost', sid, sub: 'ada', row: 9 },
        { level: 40, event: 'refresh_token_rolled_back', sid, sub: 'ada', row: 10 }
      ]
    )
  })
})

t.test('each revocation is reported once with its reason', async (t) => {
  await eachStore(t, async (t, open) => {
    const logouts = recordMessages(t, 'fastify-refresh-token:logout')
    const under = open(t)
    const { app, logs } = await buildApp(t, {
      under,
      options: {
        session: { maxPerUser: 2, load: (sub: string) => (sub === 'disabled' ? null : {}) }
      }
    })
    const login = async (sub: string) => {
      under.skew(1)
      const client = new Client(app)
      await client.login({ sub })
      return client
    }
    const expected: [reason: string, sid: string][] = []
    const leaving = await login('leaving')
    await leaving.copy().logout()
    await leaving.copy().logout()
    expected.push(['logout', sidOf(leaving)])
    const revoked = await login('revoked')
    await app.sessions.revoke(sidOf(revoked))
    expected.push(['revoked', sidOf(revoked)])
    const replaced = await login('replaced')
    await replaced.copy().login({ sub: 'replaced' })
    expected.push(['replaced', sidOf(replaced)])
    const disabled = await login('disabled')
    await disabled.copy().refresh()
    expected.push(['disabled', sidOf(disabled)])
    const evicted = await login('evicted')
    for (let more = 0; more < 2; more++) await login('evicted')
    expected.push(['evicted', sidOf(evicted)])
    await app.sessions.revokeAll('evicted')

    const all = logouts.slice(0, expected.length)
    t.strictSame(
      all.map(({ reason, sid, sub }) => [reason, sid, sub]),
      expected.map(([reason, sid]) => [reason, sid, reason === 'logout' ? 'leaving' : reason])
    )
    t.match(
      logouts.slice(expected.length),
      Array(2).fill({ keyPrefix, sub: 'evicted', reason: 'revoked', gen: 1 })
    )
    t.equal(logouts.length, expected.length + 2)
    t.same(
      logs
        .filter(({ event }) => event === 'session_revoked')
        .map(({ level, sid, sub, reason }) => [level, sid, sub, reason]),
      logouts.map(({ sid, sub, reason }) => [30, sid, sub, reason])
    )
  })
})

t.test('each process reports its own revocations and those from the feed', async (t) => {
  await eachStore(t, async (t, open) => {
    const revoked = recordMessages(t, 'fastify-refresh-token:revoked')
    const by = (prefix: string) => revoked.filter((message) => message.keyPrefix === prefix)
    const under = open(t)
    // The apps share one store, but their tokens have different prefixes.
    const one = await buildApp(t, { under, options: { keyPrefix: 'one:' } })
    const other = await buildApp(t, { under, options: { keyPrefix: 'other:' } })
    const client = new Client(one.app)
    await client.login({ sub: 'ada' })
    await client.copy().logout()
    await eventually(() => by('other:').length > 0)
    const sids = [sidOf(client)]
    t.strictSame(by('one:'), [{ keyPrefix: 'one:', sids, reason: 'logout' }])
    t.strictSame(by('other:'), [{ keyPrefix: 'other:', sids, reason: 'logout' }])

    await client.copy().logout()
    for (let i = 0; i < 3; i++) await one.app.sessions.create({ sub: 'grace' })
    await other.app.sessions.revokeAll('grace')
    await eventually(() => by('one:').length > 1)
    t.match(by('one:').at(-1), { reason: 'revoked', sids: Array(3).fill(String) })
    t.equal(by('one:').length, 2, 'sessions revoked together are reported together and once')
    t.equal(by('other:').length, 4, 'one message for each session that the process revokes itself')
  })
})

t.test('an operation is traced from start to end, without tokens', async (t) => {
  await eachStore(t, async (t, open) => {
    const creates = recordTraces(t, 'fastify-refresh-token:create')
    const refreshes = recordTraces(t, 'fastify-refresh-token:refresh')
    const revocations = recordTraces(t, 'fastify-refresh-token:revoke')
    const revokeAlls = recordTraces(t, 'fastify-refresh-token:revoke-all')
    const stores = recordTraces(t, 'fastify-refresh-token:store')
    const { app } = await buildApp(t, { under: open(t) })
    const client = new Client(app)
    await client.login({ sub: 'ada' })
    await client.refresh()
    const sid = sidOf(client)
    const ids = { keyPrefix, sub: 'ada', sid }

    t.strictSame(creates, [
      { phase: 'start', message: { keyPrefix } },
      { phase: 'asyncEnd', message: { ...ids, gen: 1, result: undefined } }
    ])
    t.strictSame(refreshes, [
      { phase: 'start', message: { keyPrefix, sid } },
      { phase: 'asyncEnd', message: { ...ids, gen: 2, result: undefined } }
    ])
    const calls = stores.filter(({ phase }) => phase === 'start').map(({ message }) => message.operation)
    t.same(calls.slice(-3), ['now', 'create', 'rotate'])
    t.equal(stores.length, 2 * calls.length)

    await client.copy().logout()
    await app.sessions.revoke(sid)
    const message = { keyPrefix, sids: [sid], result: undefined }
    t.strictSame(
      revocations.filter(({ phase }) => phase === 'asyncEnd').map(({ message }) => message),
      [
        { ...message, reason: 'logout', revoked: 1 },
        { ...message, reason: 'revoked', revoked: 0 }
      ]
    )
    await app.sessions.create({ sub: 'ada' })
    await app.sessions.revokeAll('ada')
    t.strictSame(revokeAlls.at(-1)?.message, {
      keyPrefix,
      sub: 'ada',
      reason: 'revoked',
      revoked: 1,
      result: undefined
    })

    await client.refresh()
    t.equal(refreshes.length, 4)
    t.match(refreshes.at(-1)?.message, { sid, error: { code: 'FRT_ERR_SESSION_REVOKED' } })
  })
})

t.test('each failed store call is reported', async (t) => {
  const errors = recordMessages(t, 'fastify-refresh-token:store-error')
  const traced = recordTraces(t, 'fastify-refresh-token:store')
  const broken: Partial<SessionStore> = {}
  const { app, settled } = await buildApp(t, {
    under: overriding(openMemoryStore(), broken),
    options: { storeTimeout: 0.05 }
  })
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  await client.refresh()
  Object.assign(broken, { confirm: DOWN.confirm, rotate: DOWN.rotate, get: () => new Promise(() => {}) })
  await client.call()
  await settled()
  await client.refresh()
  t.equal((await client.refresh()).statusCode, 503)
  await t.rejects(app.sessions.get(sidOf(client)), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
  // A busy machine retries the confirmation meanwhile.
  const isFirst = (operation: unknown, at: number) => operation !== 'confirm' || at === 0
  const reported = errors.filter(({ operation }, at) => isFirst(operation, at))
  t.match(reported, [
    { keyPrefix, operation: 'confirm', reason: 'connect ECONNREFUSED', durationMs: Number },
    { keyPrefix, operation: 'rotate', reason: 'connect ECONNREFUSED' },
    { keyPrefix, operation: 'rotate' },
    { keyPrefix, operation: 'get', reason: 'no reply within 50 ms' }
  ])
  t.equal(reported.length, 4)
  const { durationMs = 0 } = reported.at(-1) ?? {}
  t.ok(durationMs >= 45, `${durationMs} ms`)
  const failed = traced.filter(({ message }) => message.error)
  t.same(failed.map(({ message }) => message.operation).filter(isFirst), [
    'confirm',
    'rotate',
    'rotate',
    'get'
  ])
})

t.test('no message contains a token, a claim or a secret', async (t) => {
  await eachStore(t, async (t, open) => {
    const messages = recordAllMessages(t)
    const secrets = new Secrets()
    secrets.addPhrase(SECRET)
    const claim = 'a claim of the user'
    secrets.addPhrase(claim)
    const broken: Partial<SessionStore> = {}
    const { app, advance, settled } = await buildApp(t, {
      under: overriding(open(t), broken),
      prepare(app) {
        app.addHook('onSend', async (_request, reply, payload) => {
          secrets.addTokens(JSON.stringify(reply.getHeaders()) + String(payload))
        })
      }
    })
    const client = new Client(app)
    await client.login({ sub: 'ada', claims: { claim } })
    const attacker = client.copy()
    await client.refresh()
    await client.call()
    await settled()
    await client.refresh()
    const { accessToken, refreshToken } = await app.sessions.create({ sub: 'ada', claims: { claim } })
    secrets.addTokens(`${accessToken} ${refreshToken}`)
    await app.sessions.refresh(refreshToken)
    await app.sessions.revokeAll('ada', { except: sidOf(client) })
    Object.assign(broken, DOWN)
    await client.refresh()
    await client.logout()
    for (const name of Object.keys(broken)) Reflect.deleteProperty(broken, name)
    await advance(2 * MINUTE)
    await attacker.refresh()
    await client.logout()
    await client.refresh()

    t.ok(messages.length > 50, `${messages.length} messages`)
    t.ok(secrets.size > 20)
    t.same(
      messages.filter((message) => secrets.findIn(message) !== undefined),
      []
    )
  })
})

t.test('no message is created without subscribers', async (t) => {
  const published = Object.values(events).map((channel) => mock.method(channel, 'publish'))
  const traced = Object.values(operations).map((operation) => mock.method(operation, 'tracePromise'))
  t.teardown(() => {
    for (const spy of [...published, ...traced]) spy.mock.restore()
    // The spy leaves the method of a channel without subscribers, which would hide the one of a channel with subscribers.
    for (const channel of Object.values(events)) Reflect.deleteProperty(channel, 'publish')
  })
  const broken: Partial<SessionStore> = {}
  const { app } = await runReuse(t, overriding(openMemoryStore(), broken))
  await app.sessions.revokeAll('ada')
  await app.sessions.revoke(sidOf(await loggedIn(app)))
  broken.list = DOWN.list
  await t.rejects(app.sessions.list('ada'))
  t.equal(
    [...published, ...traced].reduce((sum, spy) => sum + spy.mock.callCount(), 0),
    0
  )
})

async function loggedIn(app: Client['app']): Promise<Client> {
  const client = new Client(app)
  await client.login({ sub: 'grace' })
  return client
}

for (const phase of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const) {
  t.test(`a subscriber of only ${phase} receives its messages`, async (t) => {
    let count = 0
    const onMessage = () => void count++
    operations.refresh[phase].subscribe(onMessage)
    t.teardown(() => operations.refresh[phase].unsubscribe(onMessage))
    await runReuse(t, openMemoryStore())
    // Two of the four calls failed.
    t.equal(count, phase === 'error' ? 2 : 4)
  })
}

t.test('a subscriber that throws does not change the response and causes an uncaughtException', async (t) => {
  const program = `
    import { subscribe, tracingChannel } from 'node:diagnostics_channel'
    import Fastify from 'fastify'
    import { fastifyRefreshToken } from './lib/index.js'
    const uncaught = []
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    const fail = (message, name) => { throw new Error(String(name).split(':').slice(1).join(':')) }
    for (const name of ['login', 'refresh', 'logout', 'revoked']) subscribe('fastify-refresh-token:' + name, fail)
    for (const name of ['create', 'refresh', 'revoke', 'store']) {
      tracingChannel('fastify-refresh-token:' + name).subscribe({ start: fail, asyncEnd: fail })
    }
    const app = Fastify()
    await app.register(fastifyRefreshToken, { secret: '${SECRET}', login: () => ({ sub: 'ada' }) })
    const post = (url, cookie = '') => app.inject({ method: 'POST', url, headers: { cookie } })
    const responses = [await post('/auth/login')]
    const [{ name, value }] = responses[0].cookies
    const cookie = name + '=' + value
    responses.push(await post('/auth/refresh', cookie), await post('/auth/logout', cookie))
    await new Promise((resolve) => setImmediate(resolve))
    console.log(JSON.stringify({ statuses: responses.map(({ statusCode }) => statusCode), uncaught }))
  `
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import=./scripts/ts-loader.mjs', '--input-type=module', '--eval', program],
    { encoding: 'utf8', timeout: 300_000, env: { ...process.env, NODE_V8_COVERAGE: '' } }
  )
  t.equal(status, 0, stderr)
  const { statuses, uncaught } = JSON.parse(stdout)
  t.same(statuses, [200, 200, 200])
  for (const name of ['login', 'refresh', 'logout', 'revoked', 'fastify-refresh-token:create:start']) {
    t.ok(uncaught.includes(name), name)
  }
})
