import t from 'tap'
import { json, unauthorized } from './support/scripted-server.js'
import { loggedIn, ORIGIN } from './support/tab.js'

const tokenOf = (call: { headers: Headers } | undefined) => call?.headers.get('authorization') ?? null

t.test('a 401 with invalid_token in the header causes a refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const challenge = 'Bearer realm="other", error="invalid_token"'
  server.script('/me', () => new Response('no', { status: 401, headers: { 'www-authenticate': challenge } }))
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

for (const code of [
  'FRT_ERR_ACCESS_TOKEN_EXPIRED',
  'FRT_ERR_ACCESS_TOKEN_INVALID',
  'FRT_ERR_SESSION_REVOKED'
]) {
  t.test(
    `a 401 with ${code} only in the body causes a refresh, because a cross-origin script reads no header`,
    async (t) => {
      const { auth, server, time } = await loggedIn(t)
      server.script('/me', () => json(401, { code }))
      t.equal((await time.until(auth.fetch('/me'))).status, 200)
      t.equal(server.count('/auth/refresh'), 1)
    }
  )
}

t.test('the caller can read the body of a 401', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', () => json(401, { code: 'APP_ERR_OWN', why: 'so' }))
  t.same(await (await time.until(auth.fetch('/me'))).json(), { code: 'APP_ERR_OWN', why: 'so' })
})

const others: [string, () => Response][] = [
  ['a 401 of a proxy', () => new Response('<h1>Sign in</h1>', { status: 401 })],
  ['a 401 with a null body', () => new Response(null, { status: 401 })],
  ['a 401 whose JSON is not an object', () => json(401, 'no')],
  [
    'a 401 with another scheme',
    () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic' } })
  ],
  ['a 401 for a missing token', () => unauthorized('FRT_ERR_NO_ACCESS_TOKEN', 'Bearer realm="api"')],
  [
    'a 403',
    () => json(403, { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' }, { 'www-authenticate': 'error="invalid_token"' })
  ],
  [
    'a 401 that asks for another authentication',
    () =>
      unauthorized(
        'FRT_ERR_INSUFFICIENT_AUTHENTICATION',
        'Bearer realm="api", error="insufficient_user_authentication", max_age="300"'
      )
  ],
  [
    'a 401 that asks for another authentication only in the body',
    () => json(401, { code: 'FRT_ERR_INSUFFICIENT_AUTHENTICATION' })
  ],
  ['a 500', () => json(500, { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })],
  ['a captive portal', () => new Response('<h1>Wi-Fi</h1>', { headers: { 'content-type': 'text/html' } })]
]

for (const [kind, reply] of others) {
  t.test(`${kind} does not cause a refresh`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/me', reply)
    t.equal((await time.until(auth.fetch('/me'))).status, reply().status)
    t.same(server.paths, ['/auth/login', '/me'])
    t.same(ends, [])
  })
}

t.test('login, refresh and logout get no access token, and the sessions routes get it', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  for (const path of ['/auth/login', '/auth/refresh', '/auth/logout']) {
    server.script(path, () => unauthorized('FRT_ERR_ACCESS_TOKEN_EXPIRED'))
    t.equal((await time.until(auth.fetch(path, { method: 'POST' }))).status, 401)
    t.equal(tokenOf(server.callsTo(path).at(-1)), null, path)
  }
  t.equal(server.calls.length, 4)
  for (const path of ['/auth/sessions', '/auth/sessions/abc', '/auth/logout-all']) {
    await time.until(auth.fetch(path))
    t.equal(tokenOf(server.callsTo(path)[0]), 'Bearer token-1', path)
  }
  server.expire()
  t.equal((await time.until(auth.fetch('/auth/sessions'))).status, 200)
})

t.test('the access token is sent to baseUrl and the listed origins only', async (t) => {
  const { auth, server, time } = await loggedIn(t, { origins: ['https://files.example.com'] })
  const tokenSentTo = async (url: string) => {
    await time.until(auth.fetch(url))
    return tokenOf(server.calls.at(-1))
  }
  t.equal(await tokenSentTo(`${ORIGIN}/me`), 'Bearer token-1')
  t.equal(await tokenSentTo(`${ORIGIN}:443/me`), 'Bearer token-1')
  t.equal(await tokenSentTo('//api.example.com/me'), 'Bearer token-1')
  t.equal(await tokenSentTo('https://files.example.com/a'), 'Bearer token-1')
  for (const url of [
    'http://api.example.com/me',
    'https://api.example.com:8443/me',
    'https://api.example.com.evil.test/me',
    'https://example.com/me',
    '//evil.test/me',
    '\\\\evil.test/me',
    'http://files.example.com/a'
  ]) {
    t.equal(await tokenSentTo(url), null, url)
  }
})

t.test('an origin can be listed as any URL, and an invalid URL is an error', async (t) => {
  const { auth, server, time } = await loggedIn(t, { origins: ['https://FILES.example.com:443/'] })
  await time.until(auth.fetch('https://files.example.com/a'))
  t.equal(tokenOf(server.calls.at(-1)), 'Bearer token-1')
  await t.rejects(loggedIn(t, { origins: ['files.example.com'] }), TypeError)
})

t.test('a 401 of a listed origin causes a refresh at baseUrl', async (t) => {
  const { auth, server, time } = await loggedIn(t, { origins: ['https://files.example.com'] })
  server.expire()
  t.equal((await time.until(auth.fetch('https://files.example.com/a'))).status, 200)
  t.equal(server.callsTo('/auth/refresh')[0]?.url, `${ORIGIN}/auth/refresh`)
})

t.test('a 401 of another origin is returned to the caller', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/there', () => unauthorized('FRT_ERR_ACCESS_TOKEN_EXPIRED'))
  t.equal((await time.until(auth.fetch('https://example.org/there'))).status, 401)
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('a request to another origin does not wait for a refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(400_000)
  await time.until(auth.fetch('https://example.org/there'))
  await time.until(auth.fetch(new Request('https://example.org/there')))
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('an Authorization header of the caller is sent unchanged, and its 401 is returned', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const headers = { Authorization: 'Bearer mine' }
  t.equal((await time.until(auth.fetch('/me', { headers }))).status, 401)
  t.equal((await time.until(auth.fetch(new Request(`${ORIGIN}/me`, { headers })))).status, 401)
  t.equal((await time.until(auth.fetch(new Request(`${ORIGIN}/me`), { headers }))).status, 401)
  t.same(server.callsTo('/me').map(tokenOf), ['Bearer mine', 'Bearer mine', 'Bearer mine'])
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('a base URL with a path applies to the routes and to relative URLs', async (t) => {
  for (const baseUrl of [`${ORIGIN}/v1/`, new URL(`${ORIGIN}/v1/`)]) {
    const { auth, server, time } = await loggedIn(t, { baseUrl, prefix: '/session' })
    await time.until(auth.fetch('me'))
    await time.until(auth.fetch('/v1/session/login', { method: 'POST' }))
    t.same(server.paths, ['/v1/session/login', '/v1/me', '/v1/session/login'])
    t.same(server.calls.map(tokenOf), [null, 'Bearer token-1', null])
  }
})

t.test('a base URL with a path and no trailing slash applies to the routes', async (t) => {
  const { server } = await loggedIn(t, { baseUrl: `${ORIGIN}/v1` })
  t.same(server.paths, ['/v1/auth/login'])
})

t.test('an empty prefix puts the routes at the root', async (t) => {
  const { auth, server, time } = await loggedIn(t, { prefix: '' })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(server.paths, ['/login', '/me', '/refresh', '/me'])
})

t.test('a prefix without a slash throws, because it would change the host', async (t) => {
  for (const prefix of ['auth', '.evil.test/auth', '@evil.test/auth', ':8443/auth']) {
    await t.rejects(loggedIn(t, { prefix }), new TypeError('prefix must start with "/"'))
  }
})

t.test('the query and the hash of baseUrl do not become a part of the routes', async (t) => {
  const { server } = await loggedIn(t, { baseUrl: `${ORIGIN}/v1?page=1#top` })
  t.same(server.calls[0]?.url, `${ORIGIN}/v1/auth/login`)
})

t.test('an invalid baseUrl throws a TypeError', async (t) => {
  await t.rejects(loggedIn(t, { baseUrl: '/api' }), TypeError)
})

t.test('a 401 whose body is cut off or does not end is returned without a refresh', async (t) => {
  for (const body of [
    new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) }),
    new ReadableStream({ pull: () => new Promise(() => {}) })
  ]) {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/me', () => new Response(body, { status: 401 }))
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.ok(time.nowMs <= 10_000)
    t.equal(server.count('/auth/refresh'), 0)
    t.same(ends, [])
  }
})

t.test('a 401 with invalid_token whose body is cut off is retried', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const body = new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) })
  const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
  server.script('/me', () => new Response(body, { status: 401, headers }))
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
})
