import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { type AccessTokenSettings, createAccessTokens, isExpired } from '../../../lib/tokens/access-token.js'
import { secretKeys } from '../../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys, type KeyRing } from '../../../lib/tokens/keys/derived-keys.js'
import type { AccessTokenClaims, Session } from '../../../types/session.js'

const keys = deriveKeys([Buffer.alloc(32, 'a secret')], 'frt:')
const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }
const startMs = Date.UTC(2030, 0, 1)
const start = startMs / 1000

async function accessTokens(
  t: Test,
  accessToken: Partial<AccessTokenSettings['accessToken']> = {},
  ring: KeyRing = keys
) {
  const app = Fastify()
  t.teardown(() => app.close())
  const defaults = {
    ttlMs: 300_000,
    issuer: undefined,
    audience: undefined,
    clockToleranceMs: 0,
    jitterMs: 0
  }
  return createAccessTokens(app, secretKeys(ring), {
    accessToken: { ...defaults, ...accessToken }
  })
}

function session(properties: Partial<Session> = {}): Session {
  return {
    sid: 'abcdefghijklmnopqrstuvwxyz012345',
    sub: 'user-1',
    gen: 3,
    createdAt: new Date(startMs - 60_000),
    lastUsedAt: new Date(startMs),
    expiresAt: new Date(startMs + 86_400_000),
    absoluteExpiresAt: new Date(startMs + 864_000_000),
    remember: true,
    jkt: null,
    name: null,
    authenticatedAt: new Date(startMs - 60_000),
    acr: null,
    amr: [],
    claims: {},
    metadata: {},
    ...properties
  }
}

function parts(token: string): [Record<string, unknown>, Record<string, unknown>] {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return [JSON.parse(header ?? ''), JSON.parse(payload ?? '')]
}

t.test('the header contains only algorithm, type and key id', async (t) => {
  const { sign } = await accessTokens(t)
  const [header] = parts(sign(session(), {}, startMs).token)
  t.strictSame(header, { alg: 'HS256', typ: 'at+jwt', kid: keys[0].accessTokenKid })
})

t.test('the token contains only claims of the session and of the identity', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const { token } = sign(session(), { roles: ['admin'], scope: 'read write' }, startMs)
  const { jti, ...claims } = parts(token)[1]
  t.match(jti, /^[\w-]{16}$/)
  const expected = {
    roles: ['admin'],
    scope: 'read write',
    sub: 'user-1',
    sid: 'abcdefghijklmnopqrstuvwxyz012345',
    gen: 3,
    auth_time: start - 60,
    iat: start,
    exp: start + 300
  }
  t.strictSame(claims, expected)
  t.strictSame(verify(token), { ...expected, jti })
})

t.test('the authentication is in the token if the session has one', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const authenticatedAt = new Date(startMs - 1500)
  const { token } = sign(session({ acr: 'otp', amr: ['pwd', 'otp'], authenticatedAt }), {}, startMs)
  t.has(verify(token), { acr: 'otp', amr: ['pwd', 'otp'], auth_time: start - 2 })
})

t.test('a session of a store that does not know authentications counts from its creation', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const { acr: _, amr: __, authenticatedAt: ___, ...older } = session()
  const claims = verify(sign(older as Session, {}, startMs).token)
  t.has(claims, { auth_time: start - 60 })
  t.notOk('acr' in claims || 'amr' in claims)
})

t.test('jitter shortens the lifetime by at most its value', async (t) => {
  const { sign, verify } = await accessTokens(t, { ttlMs: 300_000, jitterMs: 60_000 })
  const lifetimes = Array.from({ length: 500 }, () => {
    const { token, expiresIn } = sign(session(), {}, startMs)
    t.equal(verify(token).exp, start + expiresIn)
    return expiresIn
  })
  t.ok(lifetimes.every((seconds) => seconds >= 240 && seconds <= 300))
  t.ok(new Set(lifetimes).size > 30, 'they spread')
})

t.test('a reissued token has the generation and the expiry of the presented one', async (t) => {
  const { sign, verify } = await accessTokens(t, { jitterMs: 60_000 })
  const presented = { ...verify(sign(session({ gen: 2 }), {}, startMs).token), exp: start + 300 }
  const { token, expiresIn } = sign(session({ gen: 4 }), { roles: ['admin'] }, startMs + 100_000, presented)
  t.has(verify(token), { gen: 2, exp: presented.exp, iat: start + 100, roles: ['admin'] })
  t.equal(expiresIn, 200)
  const ending = session({ expiresAt: new Date(startMs + 150_000) })
  t.equal(verify(sign(ending, {}, startMs + 100_000, presented).token).exp, start + 150)
  t.equal(sign(session(), {}, startMs + 400_000, presented).expiresIn, 0)
})

t.test('each token has another jti, even for one generation and one time', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const ids = Array.from({ length: 1000 }, () => verify(sign(session(), {}, startMs).token).jti)
  t.equal(new Set(ids).size, ids.length)
})

t.test('claims of an identity do not override reserved claims', async (t) => {
  const { sign, verify } = await accessTokens(t, { issuer: 'https://me', audience: 'api' })
  const identityClaims = {
    sub: 'root',
    sid: 'x',
    gen: 9,
    iat: 1,
    exp: 2 ** 40,
    auth_time: 1,
    iss: 'x',
    aud: 'x',
    jti: 'x'
  }
  const claims = verify(sign(session(), identityClaims, startMs).token)
  t.has(claims, { sub: 'user-1', gen: 3, iat: start, exp: start + 300, auth_time: start - 60 })
  t.has(claims, { sid: 'abcdefghijklmnopqrstuvwxyz012345', iss: 'https://me', aud: 'api' })
  t.not(claims.jti, 'x')
})

t.test('verify checks the signature, not the expiry', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const { token } = sign(session(), {}, Date.UTC(2001, 0, 1))
  t.equal(verify(token).exp, Date.UTC(2001, 0, 1) / 1000 + 300)
})

t.test('exp is rounded up to the second, and expires_in is rounded down', async (t) => {
  const rows: [ttlMs: number, nowMs: number, exp: number, expiresIn: number][] = [
    [300_000, startMs, start + 300, 300],
    [300_000, startMs + 1, start + 301, 300],
    [300_000, startMs + 999, start + 301, 300],
    [1000, startMs, start + 1, 1],
    [1000, startMs + 1, start + 2, 1],
    [1500, startMs, start + 2, 2],
    [1500, startMs + 600, start + 3, 2],
    [1500, startMs + 500.25, start + 3, 2]
  ]
  for (const [ttlMs, nowMs, exp, expiresIn] of rows) {
    const { sign, verify } = await accessTokens(t, { ttlMs })
    const signed = sign(session(), {}, nowMs)
    const claims = verify(signed.token)
    t.equal(claims.exp, exp, `exp of ${ttlMs} ms at ${nowMs - startMs}`)
    t.equal(claims.iat, start, `iat of ${ttlMs} ms at ${nowMs - startMs}`)
    t.equal(signed.expiresIn, expiresIn, `expires_in of ${ttlMs} ms at ${nowMs - startMs}`)
  }
})

t.test('exp never exceeds the end of the session', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const rows: [sessionTtlMs: number, nowMs: number, exp: number, expiresIn: number][] = [
    [300_000, startMs, start + 300, 300],
    [299_999, startMs, start + 299, 299],
    [10_500, startMs, start + 10, 10],
    [10_500, startMs + 900, start + 10, 9],
    [900, startMs + 100, start, 0]
  ]
  for (const [sessionTtlMs, nowMs, exp, expiresIn] of rows) {
    const signed = sign(session({ expiresAt: new Date(startMs + sessionTtlMs) }), {}, nowMs)
    t.equal(verify(signed.token).exp, exp, `${sessionTtlMs} ms before the session expires`)
    t.equal(signed.expiresIn, expiresIn, `${sessionTtlMs} ms before the session expires`)
  }
})

t.test('a token expires at the beginning of the second exp', async (t) => {
  const claims = { exp: start } as AccessTokenClaims
  t.equal(isExpired(claims, startMs - 1), false)
  t.equal(isExpired(claims, startMs), true)
  t.equal(isExpired(claims, startMs + 1), true)
  for (const exp of [undefined, Number.NaN, 'never', {}]) {
    t.equal(isExpired({ exp } as AccessTokenClaims, startMs), true, 'an exp that is not a number')
  }
})

t.test('the token contains the configured issuer and audience', async (t) => {
  const { sign } = await accessTokens(t, { issuer: 'https://auth.example.com', audience: 'api' })
  const [, claims] = parts(sign(session(), {}, startMs).token)
  t.has(claims, { iss: 'https://auth.example.com', aud: 'api' })
})

t.test('the first secret signs, and an older one still verifies', async (t) => {
  const older = Buffer.alloc(32, 'old')
  const newer = Buffer.alloc(32, 'new')
  const before = await accessTokens(t, {}, deriveKeys([older], 'frt:'))
  const during = await accessTokens(t, {}, deriveKeys([newer, older], 'frt:'))
  const after = await accessTokens(t, {}, deriveKeys([newer], 'frt:'))

  const old = before.sign(session(), {}, startMs).token
  const signed = during.sign(session(), {}, startMs).token
  t.equal(during.verify(old).sub, 'user-1')
  t.equal(after.verify(signed).sub, 'user-1')
  t.throws(() => before.verify(signed), invalid)
  t.throws(() => after.verify(old), invalid)
})

t.test('each verification returns a new claims object', async (t) => {
  const { sign, verify } = await accessTokens(t)
  const { token } = sign(session(), { roles: ['reader'] }, startMs)
  const claims = verify(token) as AccessTokenClaims & { roles: string[] }
  claims.roles.push('admin')
  t.strictSame(verify(token).roles, ['reader'])
})
