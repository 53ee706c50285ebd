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

/** A user who logs in, rotates, repeats himself, and is robbed. */
async function robbery(t: Test, under: StoreUnderTest, options = {}) {
  const built = await buildApp(t, { under, options })
  const client = new Client(built.app)
  await client.login({ sub: 'ada' })
  const thief = client.copy()
  await client.refresh()
  await client.call()
  await built.settled()
  await client.refresh()
  await built.advance(MINUTE)
  for (let tries = 0; tries < 2; tries++) await thief.refresh()
  return { ...built, sid: sidOf(client) }
}

t.test('login and refresh are told of, with what the store decided', async (t) => {
  await eachStore(t, async (t, open) => {
    const [logins, refreshes, logouts] = [
      recordMessages(t, 'fastify-refresh-token:login'),
      recordMessages(t, 'fastify-refresh-token:refresh'),
      recordMessages(t, 'fastify-refresh-token:logout')
    ]
    const { sid, logs } = await robbery(t, open(t))
    const who = { keyPrefix, sub: 'ada', sid }
    t.strictSame(logins, [{ ...who, gen: 1 }])
    t.strictSame(refreshes, [
      { ...who, gen: 2, outcome: 'rotated', row: 4, rollback: false },
      { ...who, gen: 2, outcome: 'replayed', row: 3, rollback: false },
      { ...who, gen: 2, outcome: 'reused', row: 8, rollback: false }
    ])
    t.same(logouts, [], 'a theft is no logout')

    const lines = logs.filter(({ event }) => event !== undefined)
    t.match(lines, [
      { level: 30, event: 'login', sid, sub: 'ada' },
      { level: 20, event: 'refresh', sid, sub: 'ada', outcome: 'rotated', row: 4 },
      { level: 20, event: 'refresh', sid, sub: 'ada', outcome: 'replayed', row: 3 },
      { level: 40, event: 'reuse', sid, sub: 'ada', row: 8 }
    ])
    t.equal(lines.length, 4, 'one line each')
  })
})

t.test('a token that is ahead of the store is told of as what it is', async (t) => {
  await eachStore(t, async (t, open) => {
    const refreshes = recordMessages(t, 'fastify-refresh-token:refresh')
    const under = open(t)
    const { app, logs, store } = await buildApp(t, { under, options: { refreshToken: { grace: 0 } } })
    // The store that has lost a write is one that never had it: the session begins anew, a generation back.
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
        { level: 40, event: 'store_rollback', sid, sub: 'ada', row: 9 },
        { level: 40, event: 'rollback', sid, sub: 'ada', row: 10 }
      ]
    )
  })
})

t.test('each end of a session is told of once, with its reason', async (t) => {
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
    const ends: [reason: string, sid: string][] = []
    const leaving = await login('leaving')
    await leaving.copy().logout()
    await leaving.copy().logout()
    ends.push(['logout', sidOf(leaving)])
    const revoked = await login('revoked')
    await app.sessions.revoke(sidOf(revoked))
    ends.push(['revoked', sidOf(revoked)])
    const replaced = await login('replaced')
    await replaced.copy().login({ sub: 'replaced' })
    ends.push(['replaced', sidOf(replaced)])
    const disabled = await login('disabled')
    await disabled.copy().refresh()
    ends.push(['disabled', sidOf(disabled)])
    const evicted = await login('evicted')
    for (let more = 0; more < 2; more++) await login('evicted')
    ends.push(['evicted', sidOf(evicted)])
    await app.sessions.revokeAll('evicted')

    const all = logouts.slice(0, ends.length)
    t.strictSame(
      all.map(({ reason, sid, sub }) => [reason, sid, sub]),
      ends.map(([reason, sid]) => [reason, sid, reason === 'logout' ? 'leaving' : reason])
    )
    t.match(
      logouts.slice(ends.length),
      Array(2).fill({ keyPrefix, sub: 'evicted', reason: 'revoked', gen: 1 })
    )
    t.equal(logouts.length, ends.length + 2)
    t.same(
      logs
        .filter(({ event }) => event === 'logout')
        .map(({ level, sid, sub, reason }) => [level, sid, sub, reason]),
      logouts.map(({ sid, sub, reason }) => [30, sid, sub, reason])
    )
  })
})

t.test('each process tells that it has learned of an end: its own, and what the feed brings', async (t) => {
  await eachStore(t, async (t, open) => {
    const revoked = recordMessages(t, 'fastify-refresh-token:revoked')
    const by = (prefix: string) => revoked.filter((message) => message.keyPrefix === prefix)
    const under = open(t)
    // The store is the same, whatever the prefix of the tokens.
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
    t.equal(by('one:').length, 2, 'what came together is told together, and nothing twice')
    t.equal(by('other:').length, 4, 'one for each that a process ends itself')
  })
})

t.test('an operation is traced from its start to its end, without its tokens', async (t) => {
  await eachStore(t, async (t, open) => {
    const creates = recordTraces(t, 'fastify-refresh-token:create')
    const refreshes = recordTraces(t, 'fastify-refresh-token:refresh')
    const ends = recordTraces(t, 'fastify-refresh-token:revoke')
    const endAlls = recordTraces(t, 'fastify-refresh-token:revoke-all')
    const stores = recordTraces(t, 'fastify-refresh-token:store')
    const { app } = await buildApp(t, { under: open(t) })
    const client = new Client(app)
    await client.login({ sub: 'ada' })
    await client.refresh()
    const sid = sidOf(client)
    const who = { keyPrefix, sub: 'ada', sid }

    t.strictSame(creates, [
      { phase: 'start', message: { keyPrefix } },
      { phase: 'asyncEnd', message: { ...who, gen: 1, result: undefined } }
    ])
    t.strictSame(refreshes, [
      { phase: 'start', message: { keyPrefix, sid } },
      { phase: 'asyncEnd', message: { ...who, gen: 2, result: undefined } }
    ])
    const asked = stores.filter(({ phase }) => phase === 'start').map(({ message }) => message.operation)
    t.same(asked.slice(-3), ['now', 'create', 'rotate'])
    t.equal(stores.length, 2 * asked.length)

    await client.copy().logout()
    await client.copy().logout()
    t.strictSame(
      ends.filter(({ phase }) => phase === 'asyncEnd').map(({ message }) => message),
      [true, false].map((ended) => ({ keyPrefix, sid, reason: 'logout', ended, result: undefined }))
    )
    await app.sessions.create({ sub: 'ada' })
    await app.sessions.revokeAll('ada')
    t.strictSame(endAlls.at(-1)?.message, {
      keyPrefix,
      sub: 'ada',
      reason: 'revoked',
      ended: 1,
      result: undefined
    })

    await client.refresh()
    t.equal(refreshes.length, 4)
    t.match(refreshes.at(-1)?.message, { sid, error: { code: 'FRT_ERR_SESSION_REVOKED' } })
  })
})

t.test('a store that does not answer is told of, question by question', async (t) => {
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
  t.match(errors, [
    { keyPrefix, operation: 'confirm', reason: 'connect ECONNREFUSED', durationMs: Number },
    { keyPrefix, operation: 'rotate', reason: 'connect ECONNREFUSED' },
    { keyPrefix, operation: 'rotate' },
    { keyPrefix, operation: 'get', reason: 'no answer within 50 ms' }
  ])
  t.equal(errors.length, 4)
  const { durationMs = 0 } = errors.at(-1) ?? {}
  t.ok(durationMs >= 45 && durationMs < 5000, `${durationMs} ms`)
  const failed = traced.filter(({ message }) => message.error)
  t.same(
    failed.map(({ message }) => message.operation),
    ['confirm', 'rotate', 'rotate', 'get']
  )
})

t.test('no message holds a token, a claim or a secret, whatever happens', async (t) => {
  await eachStore(t, async (t, open) => {
    const heard = recordAllMessages(t)
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
    await client.login({ sub: 'ada', claims: { claim }, metadata: { claim } })
    const thief = client.copy()
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
    await advance(MINUTE)
    await thief.refresh()
    await client.logout()
    await client.refresh()

    t.ok(heard.length > 50, `${heard.length} messages`)
    t.ok(secrets.size > 20)
    t.same(
      heard.filter((message) => secrets.findIn(message) !== undefined),
      []
    )
  })
})

t.test('nothing is made for nobody', async (t) => {
  const published = Object.values(events).map((channel) => mock.method(channel, 'publish'))
  const traced = Object.values(operations).map((operation) => mock.method(operation, 'tracePromise'))
  t.teardown(() => [...published, ...traced].map((spy) => spy.mock.restore()))
  const broken: Partial<SessionStore> = {}
  const { app } = await robbery(t, overriding(openMemoryStore(), broken))
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
  t.test(`who follows ${phase} alone is told`, async (t) => {
    let count = 0
    const hear = () => void count++
    operations.refresh[phase].subscribe(hear)
    t.teardown(() => operations.refresh[phase].unsubscribe(hear))
    await robbery(t, openMemoryStore())
    // Of the four, two failed.
    t.equal(count, phase === 'error' ? 2 : 4)
  })
}

t.test(
  'a subscriber that throws changes no answer: the process hears of it, as of any such error',
  async (t) => {
    const program = `
    import { subscribe, tracingChannel } from 'node:diagnostics_channel'
    import Fastify from 'fastify'
    import { fastifyRefreshToken } from './lib/index.js'
    const uncaught = []
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    const fail = (message, name) => { throw new Error(String(name).split(':').slice(1).join(':')) }
    for (const name of ['login', 'refresh', 'logout', 'revoked']) subscribe('fastify-refresh-token:' + name, fail)
    for (const name of ['create', 'refresh', 'end', 'store']) {
      tracingChannel('fastify-refresh-token:' + name).subscribe({ start: fail, asyncEnd: fail })
    }
    const app = Fastify()
    await app.register(fastifyRefreshToken, { secret: '${SECRET}', login: () => ({ sub: 'ada' }) })
    const post = (url, cookie = '') => app.inject({ method: 'POST', url, headers: { cookie } })
    const answers = [await post('/auth/login')]
    const [{ name, value }] = answers[0].cookies
    const cookie = name + '=' + value
    answers.push(await post('/auth/refresh', cookie), await post('/auth/logout', cookie))
    await new Promise((resolve) => setImmediate(resolve))
    console.log(JSON.stringify({ statuses: answers.map(({ statusCode }) => statusCode), uncaught }))
  `
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import=./scripts/ts-loader.mjs', '--input-type=module', '--eval', program],
      { encoding: 'utf8', timeout: 30_000, env: { ...process.env, NODE_V8_COVERAGE: '' } }
    )
    t.equal(status, 0, stderr)
    const { statuses, uncaught } = JSON.parse(stdout)
    t.same(statuses, [200, 200, 200])
    for (const name of ['login', 'refresh', 'logout', 'revoked', 'fastify-refresh-token:create:start']) {
      t.ok(uncaught.includes(name), name)
    }
  }
)
