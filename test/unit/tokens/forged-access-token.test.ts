import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import {
  type AccessTokenSettings,
  type AccessTokens,
  createAccessTokens
} from '../../../lib/tokens/access-token.js'
import { secretKeys } from '../../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'

const secret = Buffer.alloc(32, 'a secret')
const [keys] = deriveKeys([secret], 'frt:')
const now = Math.floor(Date.now() / 1000)
const header = { alg: 'HS256', typ: 'at+jwt', kid: keys.accessTokenKid }
const claims = { sub: 'user-1', sid: 'abcdefghijklmnopqrstuvwxyz0', gen: 1, iat: now, exp: now + 300 }

async function verifier(t: Test, accessToken: Partial<AccessTokenSettings['accessToken']> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  const { verify } = await createAccessTokens(app, secretKeys([keys]), {
    accessToken: { ttlMs: 300_000, issuer: undefined, audience: undefined, ...accessToken }
  })
  return verify
}

/** Why the token is refused: the cause is for the log, the message to the client always the same. */
function refused(t: Test, verify: AccessTokens['verify'], token: string, name = 'refused'): void {
  let error: unknown
  try {
    verify(token)
  } catch (thrown) {
    error = thrown
  }
  const expected = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID', message: 'The access token is not valid' }
  t.has(error, expected, name)
  const { cause } = (error ?? {}) as { cause?: Error }
  t.match(cause?.message, /^(its header is none of ours|FAST_JWT_[A-Z_]+)$/, 'a reason without the token')
}

function encode(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

function jwt(
  head: unknown,
  payload: unknown,
  key: Buffer | KeyObject = keys.accessToken,
  hash = 'sha256'
): string {
  const content = `${encode(head)}.${encode(payload)}`
  return `${content}.${createHmac(hash, key).update(content).digest('base64url')}`
}

function without(name: keyof typeof claims): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))
}

t.test('a token made by hand with the right key and header is accepted', async (t) => {
  const verify = await verifier(t)
  t.strictSame(verify(jwt(header, claims)), claims)
})

t.test('a token without a signature is refused, however it spells the algorithm', async (t) => {
  const verify = await verifier(t)
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null]) {
    const content = `${encode({ ...header, alg })}.${encode(claims)}`
    refused(t, verify, `${content}.`, String(alg))
    refused(t, verify, content, String(alg))
    refused(t, verify, jwt({ ...header, alg }, claims), String(alg))
  }
  refused(t, verify, `${encode(header)}.${encode(claims)}.`)
  refused(t, verify, `${encode(header)}.${encode(claims)}`)
})

t.test('another algorithm is refused, with whatever key', async (t) => {
  const verify = await verifier(t)
  refused(t, verify, jwt({ ...header, alg: 'HS384' }, claims, keys.accessToken, 'sha384'))
  refused(t, verify, jwt({ ...header, alg: 'HS512' }, claims, keys.accessToken, 'sha512'))
  refused(t, verify, jwt(header, claims, keys.accessToken, 'sha512'))

  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = `${encode({ ...header, alg: 'ES256' })}.${encode(claims)}`
  const signature = signBytes('sha256', Buffer.from(content), privateKey).toString('base64url')
  refused(t, verify, `${content}.${signature}`)
  refused(t, verify, jwt(header, claims, publicKey.export({ type: 'spki', format: 'der' })))
})

t.test('another type is refused: an ID token is no access token', async (t) => {
  const verify = await verifier(t)
  for (const typ of ['JWT', 'jwt', 'AT+JWT', 'application/at+jwt', '', null, undefined]) {
    refused(t, verify, jwt({ ...header, typ }, claims), String(typ))
  }
})

t.test('another key id, or none, is refused', async (t) => {
  const verify = await verifier(t)
  for (const kid of ['AAAAAAAAAAAA', '', null, undefined, '../../etc/passwd']) {
    refused(t, verify, jwt({ ...header, kid }, claims), String(kid))
  }
})

t.test('a header with anything more, or in another order, is refused', async (t) => {
  const verify = await verifier(t)
  refused(t, verify, jwt({ ...header, crit: ['exp'] }, claims))
  refused(t, verify, jwt({ ...header, jku: 'https://evil.example/keys' }, claims))
  refused(t, verify, jwt({ kid: header.kid, typ: header.typ, alg: header.alg }, claims))
})

t.test('a token signed by another key is refused, by that of the refresh token too', async (t) => {
  const verify = await verifier(t)
  const [others] = deriveKeys([Buffer.alloc(32, 'another secret')], 'frt:')
  const [staff] = deriveKeys([secret], 'staff:')
  for (const key of [secret, keys.refreshToken, others.accessToken, staff.accessToken, Buffer.alloc(32)]) {
    refused(t, verify, jwt(header, claims, key))
  }
})

t.test('a token with any part changed is refused', async (t) => {
  const verify = await verifier(t)
  const [head, , signature] = jwt(header, claims).split('.')
  refused(t, verify, `${head}.${encode({ ...claims, sub: 'root' })}.${signature}`)
  const bytes = Buffer.from(signature ?? '', 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const forged = Buffer.from(bytes)
    forged.writeUInt8(forged.readUInt8(i) ^ 1, i)
    refused(t, verify, `${head}.${encode(claims)}.${forged.toString('base64url')}`, `byte ${i}`)
  }
})

t.test('a token that lacks a claim of ours is refused', async (t) => {
  const verify = await verifier(t)
  for (const name of ['sub', 'sid', 'gen', 'iat', 'exp'] as const) {
    refused(t, verify, jwt(header, without(name)), name)
  }
})

t.test('a token that is not yet valid is refused', async (t) => {
  const verify = await verifier(t)
  refused(t, verify, jwt(header, { ...claims, nbf: now + 3600 }))
})

t.test('where an issuer is given, another issuer and none are refused', async (t) => {
  const verify = await verifier(t, { issuer: 'https://auth.example.com' })
  t.equal(verify(jwt(header, { ...claims, iss: 'https://auth.example.com' })).sub, 'user-1')
  for (const iss of ['https://evil.example', 'https://auth.example.com/', '', undefined]) {
    refused(t, verify, jwt(header, { ...claims, iss }), String(iss))
  }
})

t.test('where an audience is given, another audience and none are refused', async (t) => {
  const verify = await verifier(t, { audience: 'api' })
  t.equal(verify(jwt(header, { ...claims, aud: 'api' })).sub, 'user-1')
  for (const aud of ['other', 'ap', 'api2', '', ['other'], [], undefined]) {
    refused(t, verify, jwt(header, { ...claims, aud }), String(aud))
  }
})

t.test('an issuer and an audience are compared as they are, not as patterns', async (t) => {
  const verify = await verifier(t, { issuer: '.*', audience: 'a.c' })
  t.equal(verify(jwt(header, { ...claims, iss: '.*', aud: 'a.c' })).sub, 'user-1')
  refused(t, verify, jwt(header, { ...claims, iss: 'anyone', aud: 'a.c' }))
  refused(t, verify, jwt(header, { ...claims, iss: '.*', aud: 'abc' }))
})

t.test('garbage is refused', async (t) => {
  const verify = await verifier(t)
  const head = encode(header)
  const garbage = [
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    head,
    `${head}.`,
    `${head}..`,
    `${head}...`,
    `${head}x`,
    ` ${jwt(header, claims)}`,
    `${jwt(header, claims)} `,
    `${jwt(header, claims)}.x`,
    jwt(header, 'no json'),
    jwt(header, 'null'),
    jwt(header, '[]'),
    jwt(header, '"text"'),
    '\0',
    '\u{1f36a}',
    '__proto__.a.b',
    'constructor.a.b',
    'a.'.repeat(10_000)
  ]
  for (const each of garbage) refused(t, verify, each, each.slice(0, 100))
})
