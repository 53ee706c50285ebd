import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { DurableWrite, SessionStore } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { recordTraces } from '../support/diagnostics.js'
import { refreshCookiesIn } from '../support/refresh-cookie.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

/** Creates sessions and returns their refresh tokens. */
async function createTokens(app: FastifyInstance, subs: string[]): Promise<string[]> {
  const tokens: string[] = []
  for (const sub of subs) tokens.push((await app.sessions.create({ sub })).refreshToken)
  return tokens
}

function cookiesOf(tokens: string[]): { cookie: string } {
  return { cookie: tokens.map((token) => `__Host-refresh_token=${token}`).join('; ') }
}

async function logout(app: FastifyInstance, tokens: string[]): Promise<number> {
  const response = await app.inject({ method: 'POST', url: '/auth/logout', headers: cookiesOf(tokens) })
  return response.statusCode
}

async function countSessions(app: FastifyInstance, subs: string[]): Promise<number> {
  const lists = await Promise.all([...new Set(subs)].map((sub) => app.sessions.list(sub)))
  return lists.flat().length
}

/**
 * Returns a function that returns the calls of the store and the feed since its last call. Omits `waitForReplicas`, because
 * only one of the stores has it.
 */
function recordCalls(t: Test) {
  const traces = recordTraces(t, 'fastify-refresh-token:store')
  return () =>
    traces
      .splice(0)
      .filter(({ phase }) => phase === 'start')
      .map(({ message }) => message.operation)
      .filter((operation) => operation !== 'waitForReplicas')
}

t.test('a logout with 140 cookies revokes the sessions of at most 4 tokens', async (t) => {
  await eachStore(t, async (t, open) => {
    const { app } = await buildApp(t, { under: open(t) })
    const subs = Array.from({ length: 140 }, (_, i) => `user ${i % 20}`)
    const tokens = await createTokens(app, subs)
    t.equal(await logout(app, tokens), 200)
    t.equal(await countSessions(app, subs), 136)
    t.equal(await logout(app, tokens.slice(4)), 200)
    t.equal(await countSessions(app, subs), 132, 'the next ones by another request')
  })
})

t.test('a logout with four sessions of a user is one call of the store and one of the feed', async (t) => {
  await eachStore(t, async (t, open) => {
    const callsOf = recordCalls(t)
    const logouts: string[] = []
    const { app } = await buildApp(t, {
      under: open(t),
      options: { onLogout: ({ sub, reason }) => void logouts.push(`${sub} ${reason}`) }
    })
    const subs = ['ada', 'ada', 'ada', 'ada']
    const tokens = await createTokens(app, subs)
    callsOf()
    t.equal(await logout(app, tokens), 200)
    t.same(callsOf(), ['revoke', 'publish'])
    t.equal(await countSessions(app, subs), 0)
    t.same(logouts, Array(4).fill('ada logout'))
  })
})

t.test('a logout with sessions of two users is one call for each', async (t) => {
  await eachStore(t, async (t, open) => {
    const callsOf = recordCalls(t)
    const { app } = await buildApp(t, { under: open(t) })
    const subs = ['ada', 'grace', 'ada', 'grace']
    const tokens = await createTokens(app, subs)
    callsOf()
    t.equal(await logout(app, tokens), 200)
    t.same(callsOf().sort(), ['publish', 'publish', 'revoke', 'revoke'])
    t.equal(await countSessions(app, subs), 0)
  })
})

t.test('a logout counts an access token beside four refresh tokens', async (t) => {
  const { app } = await buildApp(t)
  const tokens = await createTokens(app, ['ada', 'ada', 'ada', 'ada'])
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const headers = { ...cookiesOf(tokens), authorization: `Bearer ${accessToken}` }
  await app.inject({ method: 'POST', url: '/auth/logout', headers })
  t.same(await app.sessions.list('ada'), [])
})

t.test('a session that this process has revoked causes no further call', async (t) => {
  await eachStore(t, async (t, open) => {
    const callsOf = recordCalls(t)
    const under = open(t)
    const { app } = await buildApp(t, { under })
    const tokens = await createTokens(app, ['ada', 'ada'])
    const other = await createTokens(app, ['grace'])
    await logout(app, tokens)
    callsOf()
    for (let i = 0; i < 5; i++) t.equal(await logout(app, tokens), 200)
    t.same(callsOf(), [])
    t.equal(await logout(app, [...tokens, ...other]), 200)
    t.same(callsOf(), ['revoke', 'publish'], 'only for the other session')
    const headers = cookiesOf(tokens)
    await app.inject({ method: 'POST', url: '/auth/login', headers, payload: { sub: 'ada' } })
    t.same(callsOf(), ['create'], 'a login replaces nothing')
  })
})

t.test('app.sessions.revoke always calls the store', async (t) => {
  const callsOf = recordCalls(t)
  const { app } = await buildApp(t)
  const { session } = await app.sessions.create({ sub: 'ada' })
  t.equal(await app.sessions.revoke(session.sid), true)
  callsOf()
  t.equal(await app.sessions.revoke(session.sid), false)
  t.same(callsOf(), ['revoke'])
})

t.test('a logout after a 503 is never skipped', async (t) => {
  const callsOf = recordCalls(t)
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const tokens = await createTokens(app, ['ada', 'ada'])
  broken.revoke = DOWN.revoke
  for (let i = 0; i < 3; i++) {
    callsOf()
    t.equal(await logout(app, tokens), 503)
    t.same(callsOf(), ['revoke'])
  }
  Reflect.deleteProperty(broken, 'revoke')
  t.equal(await logout(app, tokens), 200)
  t.same(callsOf(), ['revoke', 'publish'])
  t.same(await app.sessions.list('ada'), [])
  callsOf()
  t.equal(await logout(app, tokens), 200)
  t.same(callsOf(), [])
})

t.test('a logout is repeated if its replicas did not acknowledge', async (t) => {
  const callsOf = recordCalls(t)
  const waits: DurableWrite[] = []
  let failures = 2
  const waitForReplicas = async (write: DurableWrite) => {
    waits.push(write)
    if (failures-- > 0) throw new Error('1 of 2 replicas')
    return undefined
  }
  const under = openMemoryStore()
  const { app } = await buildApp(t, {
    under: { ...under, store: Object.assign(under.store, { waitForReplicas }) }
  })
  const tokens = await createTokens(app, ['ada', 'ada'])
  const sids = (await app.sessions.list('ada')).map(({ sid }) => sid)
  for (const [status, calls] of [
    [503, ['revoke', 'publish']],
    [503, ['revoke']],
    [200, ['revoke']],
    [200, []]
  ] as const) {
    callsOf()
    t.equal(await logout(app, tokens), status)
    t.same(callsOf(), calls)
  }
  t.same(waits, Array(3).fill({ revoked: sids }))
})

t.test('a logout is repeated if its publication failed', async (t) => {
  const callsOf = recordCalls(t)
  const under = openMemoryStore()
  let failures = 1
  const openFeed: SessionStore['openFeed'] = (settings) => {
    const feed = under.store.openFeed?.(settings)
    if (!feed) throw new Error('no feed')
    const { add } = feed
    return Object.assign(feed, {
      add: async (...args: Parameters<typeof add>) => (failures-- > 0 ? DOWN.now('') : add.apply(feed, args))
    })
  }
  const { app } = await buildApp(t, { under: overriding(under, { openFeed }) })
  const tokens = await createTokens(app, ['ada'])
  for (const [status, calls] of [
    [503, ['revoke', 'publish']],
    [200, ['revoke', 'publish']],
    [200, []]
  ] as const) {
    callsOf()
    t.equal(await logout(app, tokens), status)
    t.same(callsOf(), calls)
  }
})

t.test('a login with four cookies revokes their sessions by one call', async (t) => {
  await eachStore(t, async (t, open) => {
    const callsOf = recordCalls(t)
    const { app } = await buildApp(t, { under: open(t) })
    const tokens = await createTokens(app, Array(6).fill('ada'))
    callsOf()
    const response = await app.inject({
      method: 'POST',
      url: '/auth/login',
      headers: cookiesOf(tokens),
      payload: { sub: 'ada' }
    })
    t.equal(response.statusCode, 200)
    t.same(callsOf(), ['create', 'revoke', 'publish'])
    t.equal((await app.sessions.list('ada')).length, 3, 'two old ones and the new one')
  })
})

t.test(
  'a refresh is rejected if a token of another session may be among those that are not read',
  async (t) => {
    const { app } = await buildApp(t)
    const [attacker = '', victim = ''] = await createTokens(app, ['mallory', 'ada'])
    const refresh = (tokens: string[]) =>
      app.inject({ method: 'POST', url: '/auth/refresh', headers: cookiesOf(tokens) })
    const junk: string[] = Array(10).fill('junk')
    // Whatever the number of cookies that are read.
    const behind = junk.map((_, start) => [attacker, ...junk.slice(start)])
    for (const hidden of [...behind, Array(4).fill(attacker), Array(8).fill(attacker), junk.slice(2)]) {
      const response = await refresh([...hidden, victim])
      t.equal(response.statusCode, 401, `behind ${hidden.length} cookies`)
      t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
      t.same(refreshCookiesIn(response), [], 'the cookie is kept')
    }
    t.equal(await countSessions(app, ['mallory', 'ada']), 2, 'no session is revoked')
    t.equal((await refresh([...junk.slice(4), victim])).statusCode, 200)
    t.equal((await refresh(Array(4).fill(attacker))).statusCode, 200, 'four copies of one cookie')
  }
)
