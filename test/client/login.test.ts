import Fastify from 'fastify'
import t from 'tap'
import { createAuthFetch } from '../../lib/client/index.js'
import { headerTransport } from '../../lib/client/transport/header-transport.js'
import { listen } from '../support/build-app.js'
import { deferred } from '../support/timers.js'
import { json, networkError } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser } from './support/tab.js'

const URL_OF_LOGIN = 'POST https://api.example.com/auth/login'
const unavailable = (message: string) => ({ code: 'FRT_ERR_CLIENT_UNAVAILABLE', message })
const silent = () => new Promise<Response>(() => {})
/** A response whose body never ends. */
const endless = ({ signal }: { signal: AbortSignal }) =>
  new Response(
    new ReadableStream({
      start: (controller) => signal.addEventListener('abort', () => controller.error(signal.reason))
    })
  )

t.test('a login is limited to ten seconds, also if only the body does not end', async (t) => {
  for (const reply of [silent, endless]) {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    server.script('/auth/login', reply)
    await t.rejects(time.until(auth.login({})), unavailable(`${URL_OF_LOGIN}: no response`))
    t.equal(time.nowMs, 10_000)
  }
})

t.test('a logout during a login of a silent server ends', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', silent)
  const login = auth.login({})
  await time.settle()
  await time.until(Promise.all([t.rejects(login), auth.logout()]))
  t.equal(time.nowMs, 10_000)
  t.equal(server.count('/auth/logout'), 1)
})

t.test('a logout at a silent server ends, and so does the login that waits for it', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', silent, silent, silent)
  const logout = auth.logout()
  const login = auth.login({ sub: 'bob' })
  await time.until(
    Promise.all([
      t.rejects(logout, unavailable('POST https://api.example.com/auth/logout: no response')),
      login
    ])
  )
  t.ok(time.nowMs < 35_000)
})

t.test('a login can be aborted while it waits for a logout', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const pending = deferred<Response>()
  server.script('/auth/logout', () => pending.promise)
  const logout = auth.logout()
  const aborter = new AbortController()
  const login = auth.login({ sub: 'bob' }, { signal: aborter.signal })
  await time.settle()
  aborter.abort(new Error('enough'))
  await t.rejects(time.until(login), { message: 'enough' })
  pending.resolve(json(200, {}))
  await time.until(logout)
  t.equal(server.count('/auth/login'), 1)
})

t.test('a login can be aborted during the request', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', silent)
  const aborter = new AbortController()
  const login = auth.login({ sub: 'bob' }, { signal: aborter.signal })
  await time.settle()
  aborter.abort(new Error('enough'))
  await t.rejects(time.until(login), { message: 'enough' })
  t.equal(time.nowMs, 0)
})

t.test('a response of another server is not a login', async (t) => {
  const portal = (status: number) => () =>
    new Response('<h1>Wi-Fi</h1>', { status, headers: { 'content-type': 'text/html' } })
  for (const [reply, message] of [
    [portal(200), `${URL_OF_LOGIN}: 200`],
    [portal(401), `${URL_OF_LOGIN}: 401`],
    [() => json(502, 'down'), `${URL_OF_LOGIN}: 502`],
    [networkError, `${URL_OF_LOGIN}: no response`]
  ] as const) {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    server.script('/auth/login', reply)
    await t.rejects(time.until(auth.login({})), unavailable(message))
    t.equal(auth.snapshot().status, 'unknown')
  }
})

t.test('an error of a login names the address without its query', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/magic', networkError)
  await t.rejects(
    time.until(auth.login({}, { path: '/magic?token=secret#secret' })),
    unavailable('POST https://api.example.com/magic: no response')
  )
})

t.test('a page of a captive portal is not a logout', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const portal = () => new Response('<h1>Wi-Fi</h1>', { headers: { 'content-type': 'text/html' } })
  server.script('/auth/logout', portal, portal, portal)
  await t.rejects(time.until(auth.logout()), unavailable('POST https://api.example.com/auth/logout: 200'))
  t.equal(server.count('/auth/logout'), 3)
  await time.until(auth.logout())
  t.equal(server.callsTo('/auth/logout')[3]?.headers.get('authorization'), 'Bearer token-1', 'it is repeated')
})

t.test('FormData, URLSearchParams and maps are sent as JSON objects', async (t) => {
  const form = new FormData()
  form.append('name', 'ada')
  for (const body of [
    form,
    new URLSearchParams({ name: 'ada' }),
    new Map([['name', 'ada']]),
    { name: 'ada' }
  ]) {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    await time.until(auth.login(body))
    t.equal(server.calls[0]?.body, '{"name":"ada"}')
  }
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  await time.until(auth.login([1]))
  await time.until(auth.login(undefined))
  t.same(
    server.calls.map(({ body }) => body),
    ['[1]', '']
  )
})

t.test('a double click causes one login, and each caller can read the response', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const responses = await time.until(Promise.all([auth.login({ a: 1 }), auth.login({ a: 1 })]))
  for (const response of responses) t.match(await response.json(), { access_token: 'token-1' })
  t.equal(server.count('/auth/login'), 1)
  await time.until(auth.login({ a: 1 }))
  t.equal(server.count('/auth/login'), 2, 'a later login is a new one')
})

t.test('a logout waits for the later of two logins, also after the first has ended', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const late = deferred<Response>()
  server.script(
    '/auth/login',
    () => server.issue(),
    () => late.promise
  )
  const [first, second] = [auth.login({ a: 1 }), auth.login({ a: 2 })]
  await time.until(first)
  const logout = auth.logout()
  await time.settle()
  t.equal(server.count('/auth/logout'), 0)
  late.resolve(server.issue())
  await time.until(Promise.all([second, logout]))
  t.equal(await time.until(auth.getAccessToken()), null)
})

t.test('logins with other bodies, routes or signals are separate', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/other/login', () => server.issue())
  const { signal } = new AbortController()
  await time.until(
    Promise.all([
      ...[auth.login({ a: 1 }), auth.login({ a: 2 }), auth.login({ a: 1 }, { path: '/other/login' })],
      auth.login({ a: 1 }, { signal })
    ])
  )
  t.equal(server.calls.length, 4)
})

t.test('headers of the options are sent to the routes of the plugin only', async (t) => {
  const { auth, server, time } = await loggedIn(t, { headers: { 'x-client': 'app' } })
  server.expire()
  await time.until(auth.fetch('/me'))
  await time.until(auth.logout())
  const sent = server.calls.map(({ path, headers }) => [path, headers.get('x-client')])
  t.same(sent, [
    ['/auth/login', 'app'],
    ['/me', null],
    ['/auth/refresh', 'app'],
    ['/me', null],
    ['/auth/logout', 'app']
  ])
})

t.test('headers of the client replace those of the options, whatever their case is', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open({
    headers: { 'Content-Type': 'text/plain', 'X-Auth-Token': 'other', 'X-REFRESH_TOKEN': 'other' },
    accessTokenHeader: 'X-AUTH-TOKEN',
    transport: headerTransport(new MemoryStorage(), { refreshTokenHeader: 'x-Refresh_Token' })
  })
  server.script('/auth/login', () =>
    json(200, { access_token: 'token-1', expires_in: 300 }, { 'x-refresh_token': 'refresh-1' })
  )
  await time.until(auth.login({}))
  await time.until(auth.logout())
  const [login, logout] = server.calls
  t.equal(login?.headers.get('content-type'), 'application/json')
  t.equal(logout?.headers.get('x-auth-token'), 'Bearer token-1')
  t.equal(logout?.headers.get('x-refresh_token'), 'refresh-1')
})

t.test('a fetch that ignores its signal does not delay a call for longer than the time limit', async (t) => {
  const { open, time } = openBrowser(t)
  const { auth } = open({}, { fetch: silent })
  await t.rejects(time.until(auth.login({})), unavailable(`${URL_OF_LOGIN}: no response`))
  t.equal(time.nowMs, 10_000)
  await t.rejects(time.until(auth.getAccessToken()), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
  t.ok(time.nowMs < 45_000, 'three attempts')
})

t.test('passwords and tokens do not follow a redirect to another host', async (t) => {
  const [server, elsewhere] = [Fastify(), Fastify()]
  t.teardown(() => Promise.all([server.close(), elsewhere.close()]))
  const received: string[] = []
  elsewhere.all('*', async ({ url }) => {
    received.push(url)
    return {}
  })
  await elsewhere.ready()
  const url = await listen(elsewhere)
  server.all('*', (_request, reply) => reply.redirect(`${url}/stolen`, 307))
  await server.ready()
  const baseUrl = await listen(server)
  const auth = createAuthFetch({ baseUrl })
  await t.rejects(
    auth.login({ password: 'secret' }),
    unavailable(`POST ${new URL(baseUrl).origin}/auth/login: no response`)
  )
  t.same(received, [])
})
