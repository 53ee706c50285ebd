import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { ReuseEvent, SessionStore } from '../../lib/index.js'
import { Browser } from '../support/browser.js'
import { type AppUnderTest, buildApp, DOWN, overriding } from '../support/build-app.js'
import { openMemoryStore } from '../support/stores.js'

// A browser keeps a cookie that the server has rejected. The 401 marks it, so that a page reports the end of a session once,
// and does not delete it, because the 401 may arrive after a login.

const NAME = '__Host-refresh_token'
const MARK = `${NAME}-rejected`
const MINUTE = 60_000
const TWO_WEEKS = 14 * 24 * 60 * 60

function codeOf(response: LightMyRequestResponse): string {
  return response.json().code
}

async function loggedIn({ app }: Pick<AppUnderTest, 'app'>): Promise<Browser> {
  const browser = new Browser(app)
  await browser.post('/auth/login', { sub: 'ada' })
  return browser
}

async function revokeAll({ app }: Pick<AppUnderTest, 'app'>): Promise<void> {
  await app.sessions.revokeAll('ada')
}

function namesIn(browser: Browser): string[] {
  return browser.cookies.map(({ name }) => name).sort()
}

/** Each 401 that is final, and a browser that gets it. */
const REJECTIONS: Record<string, (built: AppUnderTest) => Promise<Browser>> = {
  async FRT_ERR_SESSION_REVOKED(built) {
    const browser = await loggedIn(built)
    await revokeAll(built)
    return browser
  },
  async FRT_ERR_REFRESH_TOKEN_EXPIRED(built) {
    const browser = await loggedIn(built)
    await built.advance(15 * 24 * 60 * MINUTE)
    return browser
  },
  async FRT_ERR_REFRESH_TOKEN_REUSED(built) {
    const browser = await loggedIn(built)
    const thief = browser.visit(built.app)
    const stolen = await thief.post('/auth/refresh')
    await built.app.sessions.verify(stolen.json().access_token)
    await built.settled()
    await built.advance(10 * MINUTE)
    return browser
  },
  async FRT_ERR_REFRESH_TOKEN_INVALID({ app }) {
    const browser = new Browser(app)
    // For example of a secret that is not in use any more.
    browser.receive({ cookies: [{ name: NAME, value: 'A'.repeat(92) }] } as never)
    return browser
  }
}

for (const [code, reject] of Object.entries(REJECTIONS)) {
  t.test(`${code} is reported once, and the cookie is kept`, async (t) => {
    const built = await buildApp(t)
    const browser = await reject(built)
    const [{ value = '' } = {}] = browser.cookies

    const first = await browser.post('/auth/refresh')
    t.equal(first.statusCode, 401)
    t.equal(codeOf(first), code)
    t.match(first.cookies, [
      { name: MARK, path: '/', httpOnly: true, secure: true, sameSite: 'Strict', maxAge: TWO_WEEKS }
    ])
    t.equal(first.cookies.length, 1)
    t.notMatch(first.headers['set-cookie'], value, 'the mark contains no token')
    t.same(namesIn(browser), [NAME, MARK])

    for (let i = 0; i < 2; i++) {
      const next = await browser.post('/auth/refresh')
      t.equal(next.statusCode, 401)
      t.equal(codeOf(next), 'FRT_ERR_NO_REFRESH_TOKEN')
      t.equal(next.headers['www-authenticate'], 'Bearer realm="api"')
      t.equal(next.headers['set-cookie'], undefined)
    }
    const last = built.logs.findLast(({ err }) => err)?.err as { code: string; message: string }
    t.match(last, { code: 'FRT_ERR_NO_REFRESH_TOKEN' })
    t.match(
      last.message,
      /^A refresh token is required: The (refresh token|session) /,
      'the log names the reason'
    )

    t.equal((await browser.post('/auth/login', { sub: 'ada' })).statusCode, 200)
    t.same(namesIn(browser), [NAME], 'a login deletes the mark')
    t.equal((await browser.post('/auth/refresh')).statusCode, 200)
  })
}

t.test('a 401 that arrives after a login does not log out the new session', async (t) => {
  const built = await buildApp(t)
  const browser = await loggedIn(built)
  await revokeAll(built)
  const late = await browser.send('/auth/refresh')
  await browser.post('/auth/login', { sub: 'ada' })
  browser.receive(late)
  for (let i = 0; i < 2; i++) t.equal((await browser.post('/auth/refresh')).statusCode, 200)
  await revokeAll(built)
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_SESSION_REVOKED', 'it is reported in turn')
})

/** Builds an app whose store says that it does not contain the session, so that a browser gets a mark of an active one. */
async function markedByMistake(t: Test, options = {}) {
  const forgetful: Partial<SessionStore> = { rotate: async () => ({ outcome: 'unknown' }) }
  const built = await buildApp(t, { under: overriding(openMemoryStore(), forgetful), options })
  const browser = await loggedIn(built)
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
  Reflect.deleteProperty(forgetful, 'rotate')
  return { ...built, browser }
}

t.test('a mark does not prevent a refresh of an active session', async (t) => {
  const { browser } = await markedByMistake(t)
  t.equal((await browser.post('/auth/refresh')).statusCode, 200)
})

t.test('a mark does not prevent that reuse is detected', async (t) => {
  const reuses: ReuseEvent[] = []
  const built = await markedByMistake(t, { onReuse: (event: ReuseEvent) => void reuses.push(event) })
  const { app, settled, advance, browser } = built
  const thief = browser.visit(app)
  await app.sessions.verify((await thief.post('/auth/refresh')).json().access_token)
  await settled()
  await advance(10 * MINUTE)
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_NO_REFRESH_TOKEN')
  t.match(reuses, [{ sub: 'ada' }])
  t.same(await app.sessions.list('ada'), [])
})

t.test('a mark in one browser does not hide the reason in another one', async (t) => {
  const built = await buildApp(t)
  const browser = await loggedIn(built)
  const other = browser.visit(built.app)
  await revokeAll(built)
  for (const each of [browser, other]) {
    t.equal(codeOf(await each.post('/auth/refresh')), 'FRT_ERR_SESSION_REVOKED')
  }
})

t.test('a logout deletes the mark, and only if the browser has one', async (t) => {
  const built = await buildApp(t)
  const browser = await loggedIn(built)
  t.equal((await browser.post('/auth/logout')).cookies.length, 1)
  await browser.post('/auth/login', { sub: 'ada' })
  await revokeAll(built)
  await browser.post('/auth/refresh')
  await browser.post('/auth/logout')
  t.same(namesIn(browser), [])
})

t.test('a rejection of reply.refreshSession is marked', async (t) => {
  const built = await buildApp(t, {
    extend(app) {
      app.post('/page', (_request, reply) => reply.refreshSession())
    }
  })
  const browser = await loggedIn(built)
  await revokeAll(built)
  t.equal(codeOf(await browser.post('/page')), 'FRT_ERR_SESSION_REVOKED')
  t.equal(codeOf(await browser.post('/page')), 'FRT_ERR_NO_REFRESH_TOKEN')
})

t.test('the mark has the attributes of the cookie', async (t) => {
  const cookie = { name: 'rt', path: '/auth', domain: 'example.com', sameSite: 'lax', secure: false } as const
  const built = await buildApp(t, { options: { cookie, refreshToken: { ttl: '1h' } } })
  const browser = await loggedIn(built)
  await revokeAll(built)
  const { cookies } = await browser.post('/auth/refresh')
  t.match(cookies, [
    { name: 'rt-rejected', path: '/auth', domain: 'example.com', sameSite: 'Lax', maxAge: 3600 }
  ])
  t.notOk(cookies[0]?.secure)
})

t.test('cookies that are rejected together are marked together', async (t) => {
  const built = await buildApp(t, { options: { cookie: { previous: [{ name: 'old' }] } } })
  const { app } = built
  const browser = await loggedIn(built)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  browser.receive({ cookies: [{ name: 'old', value: refreshToken }] } as never)
  await revokeAll(built)
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_NO_REFRESH_TOKEN')
  browser.receive({ cookies: [{ name: 'old', value: '', maxAge: 0 }] } as never)
  t.equal(codeOf(await browser.post('/auth/refresh')), 'FRT_ERR_SESSION_REVOKED', 'one of them alone')
})

function isUnmarked(t: Test, response: LightMyRequestResponse, status: number): void {
  t.equal(response.statusCode, status)
  t.equal(response.headers['set-cookie'], undefined)
}

t.test('no other response sets a mark', async (t) => {
  const broken: Partial<SessionStore> = {}
  const built = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const { app } = built
  isUnmarked(t, await new Browser(app).post('/auth/refresh'), 401)
  const browser = await loggedIn(built)
  const [{ value = '' } = {}] = browser.cookies
  const headers = { cookie: `${NAME}=${value}`, origin: 'https://evil.example' }
  isUnmarked(t, await app.inject({ method: 'POST', url: '/auth/refresh', headers }), 403)
  Object.assign(broken, DOWN)
  isUnmarked(t, await browser.post('/auth/refresh'), 503)
})

t.test('other transports set no mark', async (t) => {
  for (const transport of ['body', 'header'] as const) {
    await t.test(transport, async (t) => {
      const { app } = await buildApp(t, { options: { transport } })
      const token = 'A'.repeat(92)
      const response = await app.inject({
        method: 'POST',
        url: '/auth/refresh',
        headers: { 'x-refresh-token': token, cookie: `${NAME}=${token}` },
        payload: { refresh_token: token }
      })
      isUnmarked(t, response, 401)
    })
  }
  const { app } = await buildApp(t)
  const form = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: `${NAME}=x` },
    payload: 'grant_type=refresh_token&refresh_token=x'
  })
  isUnmarked(t, form, 400)
})
