import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import type { SessionStore, Tokens, Transport } from '../../lib/index.js'
import { buildApp, DOWN, listen, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const MALFORMED_TOKEN = 'A'.repeat(92)

type Form = string | Record<string, string> | [name: string, value: string][]

/** Sends a form like an OAuth client. */
function send(
  app: FastifyInstance,
  path: '/refresh' | '/logout' | '/login',
  form: Form,
  headers: Record<string, string> = {}
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url: `/auth${path}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(form).toString()
  })
}

function refresh(app: FastifyInstance, token: string, headers?: Record<string, string>) {
  return send(app, '/refresh', { grant_type: 'refresh_token', refresh_token: token }, headers)
}

/** Asserts an error of RFC 6749, section 5.2: status 400, two members, no challenge. */
function isOAuthError(t: Test, response: LightMyRequestResponse, error: string, what = error): void {
  t.equal(response.statusCode, 400, what)
  t.match(response.headers['content-type'], 'application/json')
  t.same(Object.keys(response.json()), ['error', 'error_description'], what)
  t.equal(response.json().error, error, what)
  t.match(response.json().error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, what)
  t.equal(response.headers['www-authenticate'], undefined, what)
  t.equal(response.headers['set-cookie'], undefined, what)
  t.equal(response.headers['cache-control'], 'no-store', what)
}

async function isActive(app: FastifyInstance, { session }: Tokens): Promise<boolean> {
  return (await app.sessions.get(session.sid)) !== null
}

for (const transport of ['cookie', 'body', 'header'] as Transport[]) {
  t.test(`a form refreshes only in the body if the transport is ${transport}`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const before = await app.sessions.create({ sub: 'ada', claims: { roles: ['reader'] } })

    const response = await refresh(app, before.refreshToken)
    t.equal(response.statusCode, 200)
    t.same(Object.keys(response.json()).sort(), [
      'access_token',
      'expires_in',
      'refresh_token',
      'refresh_token_expires_in',
      'token_type'
    ])
    const { access_token, refresh_token, ...rest } = response.json()
    t.same(rest, { token_type: 'Bearer', expires_in: 300, refresh_token_expires_in: (14 * DAY) / 1000 })
    t.not(refresh_token, before.refreshToken)
    t.match(response.headers['content-type'], 'application/json')
    t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
    t.equal(response.headers['set-cookie'], undefined)
    t.equal(response.headers['x-refresh-token'], undefined)
    t.equal(response.headers['x-access-token'], undefined)
    t.match(await app.sessions.verify(access_token), { sub: 'ada', gen: 2, roles: ['reader'] })
    t.equal((await refresh(app, refresh_token)).statusCode, 200, 'the new token refreshes in turn')
  })
}

t.test('invalid refresh forms are rejected as in RFC 6749, and the token stays valid', async (t) => {
  const { app } = await buildApp(t)
  const tokens = await app.sessions.create({ sub: 'ada' })
  const { refreshToken } = tokens
  const cases: [error: string, form: Form][] = [
    ['invalid_request', { refresh_token: refreshToken }],
    ['invalid_request', { grant_type: '', refresh_token: refreshToken }],
    ['invalid_request', { grant_type: 'refresh_token' }],
    ['invalid_request', { grant_type: 'refresh_token', refresh_token: '' }],
    ['invalid_request', { grant_type: 'refresh_token', token: refreshToken }],
    [
      'invalid_request',
      [
        ['grant_type', 'refresh_token'],
        ['grant_type', 'refresh_token'],
        ['refresh_token', refreshToken]
      ]
    ],
    [
      'invalid_request',
      [
        ['grant_type', 'refresh_token'],
        ['refresh_token', refreshToken],
        ['refresh_token', refreshToken]
      ]
    ],
    [
      'invalid_request',
      [
        ['grant_type', 'refresh_token'],
        ['refresh_token', refreshToken],
        ['client_id', 'one'],
        ['client_id', 'two']
      ]
    ],
    ['unsupported_grant_type', { grant_type: 'password', refresh_token: refreshToken }],
    ['unsupported_grant_type', { grant_type: 'authorization_code', code: 'x' }],
    ['unsupported_grant_type', { grant_type: 'REFRESH_TOKEN', refresh_token: refreshToken }]
  ]
  for (const [error, form] of cases) {
    isOAuthError(t, await send(app, '/refresh', form), error, `${error}: ${new URLSearchParams(form)}`)
  }
  t.equal((await app.sessions.get(tokens.session.sid))?.gen, 1, 'nothing was rotated')
})

t.test('an invalid refresh token returns invalid_grant', async (t) => {
  const { app, advance, settled } = await buildApp(t)

  for (const malformed of [MALFORMED_TOKEN, 'x', 'ünï', ' ', 'a.b.c']) {
    isOAuthError(t, await refresh(app, malformed), 'invalid_grant', `malformed: ${malformed}`)
  }

  const accessToken = (await app.sessions.create({ sub: 'ada' })).accessToken
  isOAuthError(t, await refresh(app, accessToken), 'invalid_grant', 'an access token')

  const revoked = await app.sessions.create({ sub: 'ada' })
  await app.sessions.revoke(revoked.session.sid)
  isOAuthError(t, await refresh(app, revoked.refreshToken), 'invalid_grant', 'revoked')

  const reused = await app.sessions.create({ sub: 'ada' })
  const successor = (await refresh(app, reused.refreshToken)).json()
  await app.sessions.verify(successor.access_token)
  await settled()
  await advance(2 * MINUTE)
  isOAuthError(t, await refresh(app, reused.refreshToken), 'invalid_grant', 'reused')
  t.notOk(await isActive(app, reused), 'reuse revokes the session')
  isOAuthError(t, await refresh(app, successor.refresh_token), 'invalid_grant', 'revoked for reuse')

  const expired = await app.sessions.create({ sub: 'ada' })
  await advance(14 * DAY + 1000)
  isOAuthError(t, await refresh(app, expired.refreshToken), 'invalid_grant', 'expired')
})

t.test('client_id and unknown parameters are ignored', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const response = await send(app, '/refresh', {
    client_id: 'any client',
    client_secret: 'any secret',
    scope: '',
    unknown: '1',
    grant_type: 'refresh_token',
    refresh_token: refreshToken
  })
  t.equal(response.statusCode, 200)
})

t.test('case and parameters of the media type are ignored', async (t) => {
  const { app } = await buildApp(t)
  for (const type of [
    'application/x-www-form-urlencoded; charset=UTF-8',
    'application/x-www-form-urlencoded ;charset=utf-8',
    'Application/X-WWW-Form-URLencoded'
  ]) {
    isOAuthError(t, await refresh(app, MALFORMED_TOKEN, { 'content-type': type }), 'invalid_grant', type)
  }
})

t.test('a form from another site is rejected before a rotation or revocation', async (t) => {
  const trusted = 'https://app.example.com'
  const { app } = await buildApp(t, { options: { csrf: { trustedOrigins: [trusted] } } })
  const tokens = await app.sessions.create({ sub: 'ada' })
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: 'https://evil.example.com' },
    { origin: 'https://evil.example' },
    { origin: 'null' }
  ]) {
    for (const response of [
      await refresh(app, tokens.refreshToken, headers),
      await send(app, '/logout', { token: tokens.refreshToken }, headers)
    ]) {
      t.equal(response.statusCode, 403)
      t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
    }
  }
  t.equal((await app.sessions.get(tokens.session.sid))?.gen, 1)
  t.equal((await refresh(app, tokens.refreshToken, { origin: trusted })).statusCode, 200)
})

t.test('a form does not read or set the cookie', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Client(app)
  await browser.login({ sub: 'grace' })
  const cookie = { cookie: `__Host-refresh_token=${browser.jar.refreshToken}` }
  const [inCookie] = await app.sessions.list('grace')
  const tokens = await app.sessions.create({ sub: 'ada' })

  isOAuthError(t, await send(app, '/refresh', { grant_type: 'refresh_token' }, cookie), 'invalid_request')
  isOAuthError(t, await refresh(app, MALFORMED_TOKEN, cookie), 'invalid_grant')

  const refreshed = await refresh(app, tokens.refreshToken, cookie)
  t.equal(refreshed.statusCode, 200)
  t.equal(refreshed.headers['set-cookie'], undefined)
  t.match(await app.sessions.verify(refreshed.json().access_token), { sub: 'ada' })

  const revoked = await send(app, '/logout', { token: tokens.refreshToken }, cookie)
  t.equal(revoked.statusCode, 200)
  t.equal(revoked.headers['set-cookie'], undefined)
  t.match(await app.sessions.get(inCookie?.sid ?? ''), { gen: 1 }, 'the session of the cookie is untouched')
})

t.test('a form does not read the Authorization header', async (t) => {
  const { app } = await buildApp(t)
  const bearer = await app.sessions.create({ sub: 'grace' })
  const tokens = await app.sessions.create({ sub: 'ada' })
  const headers = { authorization: `Bearer ${bearer.accessToken}` }
  t.equal((await send(app, '/logout', { token: tokens.refreshToken }, headers)).statusCode, 200)
  t.ok(await isActive(app, bearer))
  t.notOk(await isActive(app, tokens))
})

t.test('a form returns 503 if the store is unavailable', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  Object.assign(broken, DOWN)
  for (const response of [
    await refresh(app, refreshToken),
    await send(app, '/logout', { token: refreshToken })
  ]) {
    t.equal(response.statusCode, 503)
    t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
    t.match(response.headers['retry-after'], /^\d+$/)
    t.equal(response.headers['set-cookie'], undefined)
  }
})

t.test('RFC 7009: each kind of token revokes its session, even a retired or expired one', async (t) => {
  const { app, advance } = await buildApp(t)
  const revoke = async (token: string, hint?: string) => {
    const response = await send(app, '/logout', { token, ...(hint && { token_type_hint: hint }) })
    t.equal(response.statusCode, 200)
    t.same(response.json(), {})
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers['set-cookie'], undefined)
  }

  const byRefreshToken = await app.sessions.create({ sub: 'ada' })
  await revoke(byRefreshToken.refreshToken, 'refresh_token')
  t.notOk(await isActive(app, byRefreshToken))
  isOAuthError(t, await refresh(app, byRefreshToken.refreshToken), 'invalid_grant')
  await revoke(byRefreshToken.refreshToken)

  const byAccessToken = await app.sessions.create({ sub: 'ada' })
  await revoke(byAccessToken.accessToken, 'access_token')
  t.notOk(await isActive(app, byAccessToken))

  const wrongHint = await app.sessions.create({ sub: 'ada' })
  await revoke(wrongHint.accessToken, 'refresh_token')
  t.notOk(await isActive(app, wrongHint), 'a hint is a hint')

  const retired = await app.sessions.create({ sub: 'ada' })
  t.equal((await refresh(app, retired.refreshToken)).statusCode, 200)
  await revoke(retired.refreshToken)
  t.notOk(await isActive(app, retired), 'a retired refresh token')

  const expired = await app.sessions.create({ sub: 'ada' })
  await advance(6 * MINUTE)
  await revoke(expired.accessToken)
  t.notOk(await isActive(app, expired), 'an expired access token')

  const other = await app.sessions.create({ sub: 'ada' })
  for (const unknown of [MALFORMED_TOKEN, 'x', 'ünï', 'a.b.c']) await revoke(unknown)
  t.ok(await isActive(app, other))
})

t.test('RFC 7009: a form revokes only the session of its token', async (t) => {
  const { app } = await buildApp(t)
  const tokens = await app.sessions.create({ sub: 'ada' })
  const token = tokens.refreshToken
  const forms: Form[] = [
    { token: '' },
    { refresh_token: token },
    [
      ['token', token],
      ['token', token]
    ]
  ]
  for (const form of forms) {
    isOAuthError(t, await send(app, '/logout', form), 'invalid_request')
  }
  t.ok(await isActive(app, tokens))
})

t.test('a login form is not an OAuth request, and its tokens use the transport', async (t) => {
  const { app } = await buildApp(t)
  const response = await send(app, '/login', { sub: 'ada' })
  t.equal(response.statusCode, 200)
  t.equal(response.json().refresh_token, undefined)
  t.equal(response.cookies.length, 1)
  const rejected = await send(app, '/login', {})
  t.equal(rejected.statusCode, 401)
  t.equal(rejected.json().code, 'FRT_ERR_INVALID_CREDENTIALS')
})

t.test('an OAuth client library refreshes, calls and revokes', async (t) => {
  const { app, advance, settled } = await buildApp(t)
  const origin = await listen(app)
  const server: oauth.AuthorizationServer = {
    issuer: origin,
    token_endpoint: `${origin}/auth/refresh`,
    revocation_endpoint: `${origin}/auth/logout`
  }
  const client: oauth.Client = { client_id: 'a-public-client' }
  // The server on the loopback interface uses plain HTTP.
  const insecurely = { [oauth.allowInsecureRequests]: true }

  const exchange = async (token: string) => {
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, insecurely)
    return oauth.processRefreshTokenResponse(server, client, response)
  }
  const call = (accessToken: string) =>
    oauth.protectedResourceRequest(
      accessToken,
      'GET',
      new URL('/me', origin),
      undefined,
      undefined,
      insecurely
    )
  const refusalOf = async (request: Promise<unknown>) => {
    const error: unknown = await request.then(
      () => undefined,
      (error: unknown) => error
    )
    if (error instanceof oauth.ResponseBodyError) return { error: error.error, status: error.status }
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause
    throw error ?? new Error('the request was not rejected')
  }

  const first = await app.sessions.create({ sub: 'ada' })
  const second = await exchange(first.refreshToken)
  t.equal(second.token_type, 'bearer')
  t.equal(second.expires_in, 300)
  t.type(second.refresh_token, 'string')
  const me = await call(second.access_token)
  t.equal(me.status, 200)
  t.match(await me.json(), { sub: 'ada', gen: 2 })

  await advance(6 * MINUTE)
  t.match(await refusalOf(call(second.access_token)), [
    { scheme: 'bearer', parameters: { realm: String, error: 'invalid_token', error_description: String } }
  ])
  const third = await exchange(second.refresh_token ?? '')
  t.equal((await call(third.access_token)).status, 200)

  await settled()
  await advance(2 * MINUTE)
  t.same(await refusalOf(exchange(second.refresh_token ?? '')), { error: 'invalid_grant', status: 400 })
  t.match(await refusalOf(call(third.access_token)), [{ parameters: { error: 'invalid_token' } }])

  const other = await app.sessions.create({ sub: 'ada' })
  const revoke = async (token: string) =>
    oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, oauth.None(), token, insecurely)
    )
  t.equal(await revoke(other.refreshToken), undefined)
  t.notOk(await isActive(app, other))
  t.equal(await revoke(other.refreshToken), undefined, 'once more')
  t.equal(await revoke('unknown'), undefined)
  t.same(await refusalOf(exchange(other.refreshToken)), { error: 'invalid_grant', status: 400 })
})
