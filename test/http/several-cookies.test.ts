import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { SessionStore, Tokens } from '../../lib/index.js'
import { type AppUnderTest, buildApp, DOWN, overriding } from '../support/build-app.js'
import { recordTraces } from '../support/diagnostics.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

// A browser sends several cookies of one name after a release has changed the path or the domain, or if a sibling domain
// has set one. One of them may belong to a session that has ended.

const NAME = '__Host-refresh_token'
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

function refresh(app: FastifyInstance, tokens: string[]): Promise<LightMyRequestResponse> {
  const cookie = tokens.map((token) => `${NAME}=${token}`).join('; ')
  return app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
}

async function subOf(app: FastifyInstance, response: LightMyRequestResponse): Promise<string> {
  return (await app.sessions.verify(response.json().access_token)).sub
}

/** Calls `work` with the tokens in both orders. */
async function inBothOrders(one: string, other: string, work: (tokens: string[]) => Promise<void>) {
  await work([one, other])
  await work([other, one])
}

/** Refreshes, uses the new access token, and waits until the old refresh token counts as reuse. */
async function retire({ app, settled, advance }: AppUnderTest, { refreshToken }: Tokens): Promise<string> {
  const response = await refresh(app, [refreshToken])
  await app.sessions.verify(response.json().access_token)
  await settled()
  await advance(10 * MINUTE)
  return response.cookies.find(({ name }) => name === NAME)?.value ?? ''
}

/** The ways in which a session ends. */
const ENDS: Record<string, (built: AppUnderTest, tokens: Tokens) => Promise<unknown>> = {
  'a logout': ({ app }, { refreshToken }) =>
    app.inject({ method: 'POST', url: '/auth/logout', cookies: { [NAME]: refreshToken } }),
  'a revocation': ({ app }, { session }) => app.sessions.revoke(session.sid),
  'a logout everywhere': ({ app }) => app.sessions.revokeAll('ada'),
  'its idle timeout': ({ advance }) => advance(15 * DAY),
  async reuse(built, tokens) {
    await retire(built, tokens)
    await refresh(built.app, [tokens.refreshToken])
  }
}

for (const [name, end] of Object.entries(ENDS)) {
  t.test(`a cookie whose session ended by ${name} does not block another one`, async (t) => {
    await eachStore(t, async (t, open) => {
      const built = await buildApp(t, { under: open(t) })
      const { app } = built
      const ended = await app.sessions.create({ sub: 'ada' })
      await end(built, ended)
      for (const sub of ['ada', 'grace']) {
        const active = await app.sessions.create({ sub })
        await inBothOrders(ended.refreshToken, active.refreshToken, async (tokens) => {
          const response = await refresh(app, tokens)
          t.equal(response.statusCode, 200)
          t.equal(await subOf(app, response), sub)
        })
        await app.sessions.revoke(active.session.sid)
      }
    })
  })
}

t.test('a login helps if a cookie of another path has ended', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken: stale } = await app.sessions.create({ sub: 'ada' })
  const login = await app.inject({
    method: 'POST',
    url: '/auth/login',
    cookies: { [NAME]: stale },
    payload: { sub: 'ada' }
  })
  // The login cannot delete the other cookie, so that the browser sends both from now on.
  const [fresh] = login.cookies
  t.equal((await refresh(app, [stale, fresh?.value ?? ''])).statusCode, 200)
})

t.test('three cookies of ended sessions do not block a fourth one', async (t) => {
  const { app } = await buildApp(t)
  const ended: string[] = []
  for (const sub of ['ada', 'grace', 'ada']) {
    const { refreshToken, session } = await app.sessions.create({ sub })
    await app.sessions.revoke(session.sid)
    ended.push(refreshToken)
  }
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  t.equal((await refresh(app, [...ended, refreshToken])).statusCode, 200)
})

t.test('cookies of ended sessions alone are a 401', async (t) => {
  const { app } = await buildApp(t)
  const tokens: string[] = []
  for (const sub of ['ada', 'grace']) {
    const { refreshToken, session } = await app.sessions.create({ sub })
    await app.sessions.revoke(session.sid)
    tokens.push(refreshToken)
  }
  const response = await refresh(app, tokens)
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
})

t.test('cookies of two active sessions are rejected, and the log says why', async (t) => {
  const { app, logs } = await buildApp(t)
  const one = await app.sessions.create({ sub: 'ada' })
  const other = await app.sessions.create({ sub: 'mallory' })
  await inBothOrders(one.refreshToken, other.refreshToken, async (tokens) => {
    const response = await refresh(app, tokens)
    t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  })
  const lines = logs.filter(({ event }) => event === 'refresh_token_ambiguous')
  t.match(lines, [
    {
      level: 30,
      sids: [one.session.sid, other.session.sid],
      msg: 'request has refresh tokens of several active sessions; refresh rejected'
    },
    { sids: [other.session.sid, one.session.sid] }
  ])
  for (const { session } of [one, other]) t.equal((await app.sessions.get(session.sid))?.gen, 1)
})

t.test('more cookies than are looked at are rejected, and the log says why', async (t) => {
  const { app, logs } = await buildApp(t)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  t.equal((await refresh(app, [refreshToken, ...Array<string>(7).fill('x')])).statusCode, 401)
  t.match(
    logs.filter(({ event }) => event === 'refresh_token_ambiguous'),
    [{ msg: 'request has more refresh tokens than are looked at; refresh rejected' }]
  )
})

/** The states of a refresh token. `active` tells whether its session is. */
const STATES: Record<string, { active: boolean; make(built: AppUnderTest, sub: string): Promise<string> }> = {
  current: {
    active: true,
    make: async ({ app }, sub) => (await app.sessions.create({ sub })).refreshToken
  },
  retired: {
    active: true,
    async make(built, sub) {
      const tokens = await built.app.sessions.create({ sub })
      await retire(built, tokens)
      return tokens.refreshToken
    }
  },
  'logged out': {
    active: false,
    async make({ app }, sub) {
      const { refreshToken, session } = await app.sessions.create({ sub })
      await app.sessions.revoke(session.sid)
      return refreshToken
    }
  },
  malformed: { active: false, make: async () => 'A'.repeat(92) }
}

/** Returns what a refresh did: its status, code and user, and the sessions that exist afterwards. */
async function outcomeOf(t: Test, one: string, other: string, sent: number[]): Promise<object> {
  const built = await buildApp(t)
  const { app } = built
  const tokens = [
    await STATES[other]?.make(built, 'mallory'),
    await STATES[one]?.make(built, 'ada')
  ].reverse()
  const response = await refresh(
    app,
    sent.map((at) => tokens[at] ?? '')
  )
  const sessions = [...(await app.sessions.list('ada')), ...(await app.sessions.list('mallory'))]
  return {
    status: response.statusCode,
    code: response.json().code,
    sub: response.statusCode === 200 ? await subOf(app, response) : undefined,
    sessions: sessions.map(({ sub, gen }) => `${sub} ${gen}`)
  }
}

for (const [one, { active }] of Object.entries(STATES)) {
  for (const [other, { active: isOtherActive }] of Object.entries(STATES)) {
    if (!active || isOtherActive) continue
    t.test(`a ${one} token beside a ${other} one is answered as if it was alone`, async (t) => {
      const outcomes: object[] = []
      for (const sent of [[0], [0, 1], [1, 0]]) {
        await t.test(`sent: ${sent}`, async (t) => {
          outcomes.push(await outcomeOf(t, one, other, sent))
        })
      }
      t.same(outcomes[1], outcomes[0])
      t.same(outcomes[2], outcomes[0])
    })
  }
}

t.test(
  'a refresh token of an ended session never reaches the rotation rule beside an active one',
  async (t) => {
    const rotated: string[] = []
    const under = openMemoryStore()
    const { app } = await buildApp(t, {
      under: overriding(under, {
        rotate(refresh) {
          rotated.push(refresh.sid)
          return under.store.rotate(refresh)
        }
      })
    })
    const ended = await app.sessions.create({ sub: 'ada' })
    await app.sessions.revoke(ended.session.sid)
    const active = await app.sessions.create({ sub: 'ada' })
    await refresh(app, [ended.refreshToken, active.refreshToken])
    t.same(rotated, [active.session.sid])
  }
)

t.test('a session that this process has revoked stays ended, even if the store restored it', async (t) => {
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), { has: async () => true }) })
  const revoked = await app.sessions.create({ sub: 'mallory' })
  await app.sessions.revoke(revoked.session.sid)
  const active = await app.sessions.create({ sub: 'ada' })
  const response = await refresh(app, [revoked.refreshToken, active.refreshToken])
  t.equal(await subOf(app, response), 'ada')
})

t.test('an outage of the store is a 503, and not an ended session', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const one = await app.sessions.create({ sub: 'ada' })
  const other = await app.sessions.create({ sub: 'ada' })
  broken.has = DOWN.has
  const response = await refresh(app, [one.refreshToken, other.refreshToken])
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.equal(response.headers['set-cookie'], undefined)
})

t.test('only several cookies cost calls of the store, one for each session', async (t) => {
  await eachStore(t, async (t, open) => {
    const traces = recordTraces(t, 'fastify-refresh-token:store')
    const callsOf = () =>
      traces
        .splice(0)
        .filter(({ phase }) => phase === 'start')
        .map(({ message }) => message.operation)
    const { app } = await buildApp(t, { under: open(t) })
    const tokens: Tokens[] = []
    for (let i = 0; i < 4; i++) tokens.push(await app.sessions.create({ sub: `user ${i}` }))
    const texts = tokens.map(({ refreshToken }) => refreshToken)
    callsOf()
    await refresh(app, texts.slice(0, 1))
    t.same(callsOf(), ['rotate'])
    await refresh(app, [...texts.slice(0, 1), 'malformed', ...texts.slice(0, 1)])
    t.same(callsOf(), ['rotate'], 'one session')
    await refresh(app, texts)
    t.same(callsOf(), ['has', 'has', 'has', 'has'])
    for (const { session } of tokens.slice(1)) await app.sessions.revoke(session.sid)
    callsOf()
    t.equal((await refresh(app, texts)).statusCode, 200)
    t.same(callsOf(), ['has', 'rotate'], 'this process knows that the others have ended')
  })
})
