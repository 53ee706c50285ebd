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
const claims = { sub: 'user-1', sid: 'abcdefghijklmnopqrstuvwxyz012345', gen: 1, iat: now, exp: now + 300 }

async function verifier(t: Test, accessToken: Partial<AccessTokenSettings['accessToken']> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  const { verify } = await createAccessTokens(app, secretKeys([keys]), {
    accessToken: {
      ttlMs: 300_000,
      issuer: undefined,
      audience: undefined,
      clockToleranceMs: 0,
      jitterMs: 0,
      ...accessToken
    }
  })
  return verify
}

/** Asserts that the token is rejected with the generic message, and with a cause that does not contain the token. */
function rejects(t: Test, verify: AccessTokens['verify'], token: string, name = 'rejected'): void {
  let error: unknown
  try {
    verify(token)
  } catch (thrown) {
    error = thrown
  }
  const expected = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID', message: 'The access token is invalid' }
  t.has(error, expected, name)
  const { cause } = (error ?? {}) as { cause?: Error }
  t.match(
    cause?.message,
    /^(no key matches the header|the token cannot be verified|the claim [a-z_]+ has an invalid type|FAST_JWT_[A-Z_]+)$/,
    'the cause does not contain the token'
  )
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

t.test('accepts a hand-made token with the valid key and header', async (t) => {
  const verify = await verifier(t)
  t.strictSame(verify(jwt(header, claims)), claims)
})

t.test('rejects a token without a signature, for each spelling of the algorithm none', async (t) => {
  const verify = await verifier(t)
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null]) {
    const content = `${encode({ ...header, alg })}.${encode(claims)}`
    rejects(t, verify, `${content}.`, String(alg))
    rejects(t, verify, content, String(alg))
    rejects(t, verify, jwt({ ...header, alg }, claims), String(alg))
  }
  rejects(t, verify, `${encode(header)}.${encode(claims)}.`)
  rejects(t, verify, `${encode(header)}.${encode(claims)}`)
})

t.test('rejects another algorithm with each key', async (t) => {
  const verify = await verifier(t)
  rejects(t, verify, jwt({ ...header, alg: 'HS384' }, claims, keys.accessToken, 'sha384'))
  rejects(t, verify, jwt({ ...header, alg: 'HS512' }, claims, keys.accessToken, 'sha512'))
  rejects(t, verify, jwt(header, claims, keys.accessToken, 'sha512'))

  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = `${encode({ ...header, alg: 'ES256' })}.${encode(claims)}`
  const signature = signBytes('sha256', Buffer.from(content), privateKey).toString('base64url')
  rejects(t, verify, `${content}.${signature}`)
  rejects(t, verify, jwt(header, claims, publicKey.export({ type: 'spki', format: 'der' })))
})

t.test('rejects another type, for example an ID token', async (t) => {
  const verify = await verifier(t)
  for (const typ of ['JWT', 'jwt', 'AT+JWT', 'application/at+jwt', '', null, undefined]) {
    rejects(t, verify, jwt({ ...header, typ }, claims), String(typ))
  }
})

t.test('rejects an unknown or missing key id', async (t) => {
  const verify = await verifier(t)
  for (const kid of ['AAAAAAAAAAAA', '', null, undefined, '../../etc/passwd']) {
    rejects(t, verify, jwt({ ...header, kid }, claims), String(kid))
  }
})

t.test('rejects a header with additional members or in another order', async (t) => {
  const verify = await verifier(t)
  rejects(t, verify, jwt({ ...header, crit: ['exp'] }, claims))
  rejects(t, verify, jwt({ ...header, jku: 'https://evil.example/keys' }, claims))
  rejects(t, verify, jwt({ kid: header.kid, typ: header.typ, alg: header.alg }, claims))
})

t.test('rejects a token signed with another key, including the refresh token key', async (t) => {
  const verify = await verifier(t)
  const [others] = deriveKeys([Buffer.alloc(32, 'another secret')], 'frt:')
  const [staff] = deriveKeys([secret], 'staff:')
  for (const key of [secret, keys.refreshToken, others.accessToken, staff.accessToken, Buffer.alloc(32)]) {
    rejects(t, verify, jwt(header, claims, key))
  }
})

t.test('rejects a token with a changed part', async (t) => {
  const verify = await verifier(t)
  const [head, , signature] = jwt(header, claims).split('.')
  rejects(t, verify, `${head}.${encode({ ...claims, sub: 'root' })}.${signature}`)
  const bytes = Buffer.from(signature ?? '', 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const forged = Buffer.from(bytes)
    forged.writeUInt8(forged.readUInt8(i) ^ 1, i)
    rejects(t, verify, `${head}.${encode(claims)}.${forged.toString('base64url')}`, `byte ${i}`)
  }
})

t.test('rejects a token without a required claim', async (t) => {
  const verify = await verifier(t)
  for (const name of ['sub', 'sid', 'gen', 'iat', 'exp'] as const) {
    rejects(t, verify, jwt(header, without(name)), name)
  }
})

const TIME_CLAIMS = ['iat', 'exp', 'nbf', 'auth_time']

t.test('rejects a time claim that is not a finite number', async (t) => {
  const verify = await verifier(t)
  const past = now - 60
  for (const name of TIME_CLAIMS) {
    t.equal(verify(jwt(header, { ...claims, [name]: past + 0.5 })).sub, 'user-1', name)
    for (const value of [`"${past}"`, 'true', 'null', `[${past}]`, '{}', '1e400', '-1e400']) {
      // Written as text, because `JSON.stringify` cannot write a number that is too large.
      const payload = JSON.stringify({ ...claims, [name]: 'value' }).replace('"value"', value)
      rejects(t, verify, jwt(header, payload), `${name}: ${value}`)
    }
  }
})

t.test('rejects a generation that is not a safe integer', async (t) => {
  const verify = await verifier(t)
  t.equal(verify(jwt(header, { ...claims, gen: Number.MAX_SAFE_INTEGER })).gen, Number.MAX_SAFE_INTEGER)
  for (const gen of ['1', 1.5, 2 ** 53, true, null, [1], {}]) {
    rejects(t, verify, jwt(header, { ...claims, gen }), JSON.stringify(gen))
  }
})

t.test('rejects a jti or a client_id that is not a string, unless it is missing', async (t) => {
  const verify = await verifier(t)
  for (const name of ['jti', 'client_id']) {
    t.equal(verify(jwt(header, { ...claims, [name]: undefined })).sub, 'user-1', name)
    for (const value of [1, true, null, ['a'], {}]) {
      rejects(t, verify, jwt(header, { ...claims, [name]: value }), `${name}: ${JSON.stringify(value)}`)
    }
  }
})

t.test('rejects a token that is bound to a key, because the request has no proof of it', async (t) => {
  const verify = await verifier(t)
  for (const cnf of [{ jkt: 'A'.repeat(43) }, {}, null, '', false]) {
    rejects(t, verify, jwt(header, { ...claims, cnf }), `cnf: ${JSON.stringify(cnf)}`)
  }
})

t.test('rejects a subject or a session id that is not a string', async (t) => {
  const verify = await verifier(t)
  for (const name of ['sub', 'sid']) {
    for (const value of [1, true, null, ['user-1'], { toString: 'user-1' }]) {
      rejects(t, verify, jwt(header, { ...claims, [name]: value }), `${name}: ${JSON.stringify(value)}`)
    }
  }
})

t.test('rejects a token that is not yet valid', async (t) => {
  const verify = await verifier(t)
  rejects(t, verify, jwt(header, { ...claims, nbf: now + 3600 }))
})

t.test('rejects another or missing issuer if an issuer is configured', async (t) => {
  const verify = await verifier(t, { issuer: 'https://auth.example.com' })
  t.equal(verify(jwt(header, { ...claims, iss: 'https://auth.example.com' })).sub, 'user-1')
  for (const iss of ['https://evil.example', 'https://auth.example.com/', '', undefined]) {
    rejects(t, verify, jwt(header, { ...claims, iss }), String(iss))
  }
})

t.test('rejects another or missing audience if an audience is configured', async (t) => {
  const verify = await verifier(t, { audience: 'api' })
  t.equal(verify(jwt(header, { ...claims, aud: 'api' })).sub, 'user-1')
  for (const aud of ['other', 'ap', 'api2', '', ['other'], [], undefined]) {
    rejects(t, verify, jwt(header, { ...claims, aud }), String(aud))
  }
})

t.test('compares issuer and audience as text, not as patterns', async (t) => {
  const verify = await verifier(t, { issuer: '.*', audience: 'a.c' })
  t.equal(verify(jwt(header, { ...claims, iss: '.*', aud: 'a.c' })).sub, 'user-1')
  rejects(t, verify, jwt(header, { ...claims, iss: 'anyone', aud: 'a.c' }))
  rejects(t, verify, jwt(header, { ...claims, iss: '.*', aud: 'abc' }))
})

t.test('rejects malformed tokens', async (t) => {
  const verify = await verifier(t)
  const head = encode(header)
  const malformed = [
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
  for (const each of malformed) rejects(t, verify, each, each.slice(0, 100))
})
