import { once } from 'node:events'
import { get } from 'node:http'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { authenticateOrRefresh, buildServerRendered } from '../../../examples/recipes/server-rendered.js'
import { listen, SECRET } from '../../support/build-app.js'
import { Clock } from '../../support/clock.js'

const ORIGIN = 'https://app.example.com'
const ACCESS_TTL_MS = 5 * 60 * 1000
const SAME_SITE = { 'sec-fetch-site': 'same-origin' }
const CROSS_SITE = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }

/** Stores and sends cookies, and follows redirects, like a browser. */
class Browser {
  readonly #app: FastifyInstance
  readonly #cookies = new Map<string, { value: string; untilMs: number }>()

  constructor(app: FastifyInstance) {
    this.#app = app
  }

  get = (url: string) => this.#send({ method: 'GET', url }, SAME_SITE)
  post = (url: string, form: Record<string, string> = {}, headers: Record<string, string> = SAME_SITE) =>
    this.#send({ method: 'POST', url, payload: new URLSearchParams(form).toString() }, headers)

  /** Stores a cookie. */
  keep(name: string, value: string, maxAge = Infinity): void {
    this.#cookies.set(name, { value, untilMs: Date.now() + maxAge * 1000 })
  }

  async #send(request: InjectOptions, headers: Record<string, string>, hops: string[] = []): Promise<Visit> {
    const type = request.payload === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await this.#app.inject({
      ...request,
      headers: { ...headers, ...type, cookie: this.#cookieHeader() }
    })
    for (const { name, value, maxAge } of response.cookies) this.keep(name, value, maxAge)
    const { statusCode, body } = response
    if (statusCode < 300 || statusCode >= 400) return { statusCode, body, hops }
    const { pathname, search } = new URL(String(response.headers.location), ORIGIN)
    const url = pathname + search
    const next: InjectOptions = statusCode === 307 ? { ...request, url } : { method: 'GET', url }
    return this.#send(next, headers, [...hops, `${statusCode} ${url}`])
  }

  #cookieHeader(): string {
    const valid = [...this.#cookies].filter(([, { untilMs }]) => untilMs > Date.now())
    return valid.map(([name, { value }]) => `${name}=${value}`).join('; ')
  }
}

interface Visit {
  statusCode: number
  body: string
  hops: string[]
}

async function open(t: Test) {
  const clock = new Clock().mockDate(t)
  const app = await buildServerRendered({ secret: SECRET })
  t.after(() => app.close())
  return { app, clock, browser: new Browser(app) }
}

/** Opens the app with a browser that is logged in. */
async function enter(t: Test) {
  const opened = await open(t)
  const { accessToken, expiresIn, refreshToken } = await opened.app.sessions.create({ sub: 'user-1' })
  opened.browser.keep('__Host-access_token', accessToken, expiresIn)
  opened.browser.keep('__Host-refresh_token', refreshToken)
  return opened
}

t.test('a user who is not logged in is redirected to the form, also after a wrong password', async (t) => {
  const { browser } = await open(t)
  t.same((await browser.get('/account')).hops, ['303 /login'])
  t.equal((await browser.post('/login', { username: 'ada', password: 'no' })).statusCode, 401)
  t.same((await browser.get('/account')).hops, ['303 /login'])
})

t.test('the right password redirects to the page', async (t) => {
  const { browser } = await open(t)
  const { hops, body } = await browser.post('/login', { username: 'ada', password: 'analytical engine' })
  t.same(hops, ['303 /account'])
  t.match(body, 'You are user-1')
})

t.test('a page that is loaded after the access token has expired gets a new one', async (t) => {
  const { browser, clock } = await enter(t)
  t.same((await browser.get('/account')).hops, [])
  clock.advance(ACCESS_TTL_MS + 1000)

  const { statusCode, hops, body } = await browser.get('/account')
  t.equal(statusCode, 200)
  t.same(hops, ['307 /account'])
  t.match(body, 'You are user-1')
  t.same((await browser.get('/account')).hops, [])
})

t.test('a page that is loaded without an access token redirects only to its own origin', async (t) => {
  const { app } = await open(t)
  app.get('/*', { onRequest: authenticateOrRefresh }, async () => 'page')
  const { refreshToken } = await app.sessions.create({ sub: 'user-1' })
  await app.ready()
  const address = await listen(app)
  const headers = { ...SAME_SITE, cookie: `__Host-refresh_token=${refreshToken}` }

  const paths = ['//evil.example/', '///evil.example', '/\\evil.example', '/a//b', '/a?b=//evil.example', '/']
  for (const path of paths) {
    // `inject` and `fetch` would change a backslash.
    const [response] = await once(get(address, { path, headers, agent: false }), 'response')
    response.resume()
    t.equal(response.statusCode, 307, path)
    const target = new URL(response.headers.location, ORIGIN)
    t.equal(target.href, ORIGIN + path.replaceAll('\\', '/'), 'a browser loads the same page again')
  }
})

t.test('a form that is sent after the access token has expired keeps its data', async (t) => {
  const { browser, clock } = await enter(t)
  clock.advance(ACCESS_TTL_MS + 1000)
  const { hops, body } = await browser.post('/account', { note: 'a long letter' })
  t.same(hops, ['307 /account', '303 /account'])
  t.match(body, 'have 1 notes')
})

t.test('a page of another origin changes nothing', async (t) => {
  const { browser } = await enter(t)
  for (const url of ['/account', '/logout', '/login', '/auth/logout-all']) {
    t.equal((await browser.post(url, { note: 'spam' }, CROSS_SITE)).statusCode, 403, url)
  }
  t.match((await browser.get('/account')).body, 'have 0 notes')
})

t.test('after a logout both cookies are rejected', async (t) => {
  const { browser } = await enter(t)
  t.same((await browser.post('/logout')).hops, ['303 /login'])
  t.same((await browser.get('/account')).hops, ['303 /login'])
})

t.test('a logout after the access token has expired revokes the session', async (t) => {
  const { app, browser, clock } = await enter(t)
  clock.advance(ACCESS_TTL_MS + 1000)
  await browser.post('/logout')
  t.same(await app.sessions.list('user-1'), [])
})
