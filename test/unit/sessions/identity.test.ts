import t from 'tap'
import { resolveClaims, resolveIdentity, resolveMetadata } from '../../../lib/sessions/identity.js'
import type { Identity } from '../../../types/session.js'

const code = 'FRT_ERR_INVALID_IDENTITY'

/** Anything that a JavaScript user may return from `login`. */
function resolve(given: unknown) {
  return resolveIdentity(given as Identity)
}

/** An object whose JSON takes exactly so many bytes. */
function ofBytes(bytes: number): Record<string, string> {
  return { a: 'x'.repeat(bytes - '{"a":""}'.length) }
}

t.test('an identity of a subject alone has the defaults', async (t) => {
  t.strictSame(resolve({ sub: 'user-1' }), {
    sub: 'user-1',
    claims: {},
    remember: true,
    ttlMs: undefined,
    metadata: {}
  })
})

t.test('what is undefined counts as left out', async (t) => {
  const given = { sub: 'a', claims: undefined, remember: undefined, ttl: undefined, metadata: undefined }
  t.strictSame(resolve(given), resolve({ sub: 'a' }))
})

t.test('a whole identity comes out as it is', async (t) => {
  const claims = { roles: ['admin'], nested: { deep: [1, null, true] }, ключ: '\u{1f36a}' }
  t.strictSame(resolve({ sub: 'a', claims, remember: false, ttl: '1h', metadata: { device: 'phone' } }), {
    sub: 'a',
    claims,
    remember: false,
    ttlMs: 3_600_000,
    metadata: { device: 'phone' }
  })
})

t.test('what is no object is no identity', async (t) => {
  for (const given of [null, undefined, true, 1, 'user-1', [], [{ sub: 'a' }], () => ({ sub: 'a' })]) {
    t.throws(() => resolve(given), { code, cause: { message: 'identity must be an object' } }, String(given))
  }
})

t.test('an unknown part is refused by its name', async (t) => {
  for (const name of ['id', 'roles', 'Sub', 'claim', 'constructor', 'scope']) {
    t.throws(() => resolve({ sub: 'a', [name]: 'x' }), {
      code,
      cause: { message: `identity.${name} must be left out` }
    })
  }
})

t.test('a subject is 1 to 256 bytes of UTF-8', async (t) => {
  const right = ['a', '0', ' ', 'x'.repeat(256), 'é'.repeat(128), '\u{1f36a}'.repeat(64), '\0']
  for (const sub of right) t.equal(resolve({ sub }).sub, sub)
  const wrong = [
    '',
    'x'.repeat(257),
    'é'.repeat(129),
    '\u{1f36a}'.repeat(65),
    undefined,
    null,
    1,
    1n,
    {},
    ['a']
  ]
  for (const sub of wrong) {
    t.throws(() => resolve({ sub }), {
      code,
      cause: { message: 'identity.sub must be a string of 1 to 256 bytes' }
    })
  }
})

t.test('a subject with half a surrogate pair is refused: two such would share their bytes', async (t) => {
  for (const sub of ['\ud83c', 'a\udf6a', '\udf6a\ud83c']) {
    t.throws(() => resolve({ sub }), { code, cause: { message: 'identity.sub must be well-formed Unicode' } })
  }
})

t.test('remember is true or false, not what looks like it', async (t) => {
  for (const remember of ['false', 0, 1, null, '']) {
    t.throws(() => resolve({ sub: 'a', remember }), {
      code,
      cause: { message: 'identity.remember must be true or false' }
    })
  }
})

t.test('a ttl is a duration of at least a second', async (t) => {
  const right: [ttl: number | string, ms: number][] = [
    [1, 1000],
    [0.9999, 1000],
    [3600, 3_600_000],
    ['1s', 1000],
    ['1000', 1000],
    ['15 minutes', 900_000],
    ['2d', 172_800_000]
  ]
  for (const [ttl, ms] of right) t.equal(resolve({ sub: 'a', ttl }).ttlMs, ms, String(ttl))
  const wrong = [
    0,
    '0',
    -1,
    '-1h',
    0.5,
    '999ms',
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    '',
    'soon',
    '1h30',
    null,
    true,
    {}
  ]
  for (const ttl of wrong) {
    t.throws(
      () => resolve({ sub: 'a', ttl }),
      { code, cause: { message: /^identity\.ttl must be a duration/ } },
      String(ttl)
    )
  }
})

t.test('each reserved claim is refused by its name, whatever its value', async (t) => {
  for (const name of ['sub', 'sid', 'gen', 'iat', 'exp', 'nbf', 'iss', 'aud', 'jti', 'auth_time']) {
    for (const value of ['x', null, 0]) {
      t.throws(() => resolve({ sub: 'a', claims: { [name]: value } }), {
        code,
        cause: { message: `identity.claims.${name} must be left out: it is reserved` }
      })
    }
  }
})

t.test('names that only resemble a reserved claim are free', async (t) => {
  const claims = { Sub: 1, subject: 2, scope: 'read', 'sub ': 3, nested: { sub: 4, exp: 5 } }
  t.strictSame(resolve({ sub: 'a', claims }).claims, claims)
})

t.test('claims take at most 4,096 bytes of JSON, metadata 1,024', async (t) => {
  t.ok(resolve({ sub: 'a', claims: ofBytes(4096) }))
  t.ok(resolve({ sub: 'a', metadata: ofBytes(1024) }))
  t.throws(() => resolve({ sub: 'a', claims: ofBytes(4097) }), {
    code,
    cause: { message: 'identity.claims must be an object of at most 4096 bytes of JSON' }
  })
  t.throws(() => resolve({ sub: 'a', metadata: ofBytes(1025) }), {
    code,
    cause: { message: 'identity.metadata must be an object of at most 1024 bytes of JSON' }
  })
})

t.test('the size is counted in bytes, not in characters', async (t) => {
  t.throws(() => resolve({ sub: 'a', metadata: { a: 'é'.repeat(600) } }), { code })
  t.ok(resolve({ sub: 'a', metadata: { a: 'é'.repeat(500) } }))
})

t.test('claims and metadata that are no plain object are refused', async (t) => {
  const toJSON = (value: unknown) => ({ toJSON: () => value })
  const wrong = [
    null,
    'text',
    1,
    true,
    [],
    [['role', 'admin']],
    toJSON([]),
    toJSON('text'),
    toJSON(null),
    new Date()
  ]
  for (const value of wrong) {
    t.throws(() => resolve({ sub: 'a', claims: value }), {
      code,
      cause: { message: /^identity\.claims must be an object/ }
    })
    t.throws(() => resolve({ sub: 'a', metadata: value }), {
      code,
      cause: { message: /^identity\.metadata must be an object/ }
    })
  }
})

t.test('what JSON cannot write is refused', async (t) => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = { cyclic }
  const throwing = {
    toJSON() {
      throw new Error('no')
    }
  }
  const silent = { toJSON: () => undefined }
  for (const claims of [cyclic, { balance: 1n }, throwing, { deep: throwing }, silent]) {
    t.throws(() => resolve({ sub: 'a', claims }), {
      code,
      cause: { message: /^identity\.claims must be an object of at most/ }
    })
  }
})

t.test('reserved claims do not come in through toJSON or a getter', async (t) => {
  const trick = { harmless: true, toJSON: () => ({ sub: 'root' }) }
  t.throws(() => resolve({ sub: 'a', claims: trick }), {
    code,
    cause: { message: /^identity\.claims\.sub must be left out/ }
  })
  let reads = 0
  const changing = {
    get claims() {
      return reads++ === 0 ? { role: 'user' } : { sub: 'root' }
    },
    sub: 'a'
  }
  t.strictSame(resolve(changing).claims, { role: 'user' })
})

t.test('claims come out as the plain values that JSON makes of them, and as a copy', async (t) => {
  const roles = ['reader']
  const claims = { roles, since: new Date(0), none: undefined, fn: () => 1, nan: Number.NaN }
  const resolved = resolve({ sub: 'a', claims })
  roles.push('admin')
  t.strictSame(resolved.claims, { roles: ['reader'], since: '1970-01-01T00:00:00.000Z', nan: null })
})

t.test('a member named __proto__ is refused; deeper down it is a member like any other', async (t) => {
  for (const part of ['claims', 'metadata'] as const) {
    t.throws(() => resolve({ sub: 'a', [part]: JSON.parse('{"__proto__":{"admin":true}}') }), {
      code,
      cause: { message: `identity.${part}.__proto__ must be left out` }
    })
    const kept = resolve({ sub: 'a', [part]: JSON.parse('{"a":{"__proto__":{"admin":true}}}') })[part]
    t.strictSame(Object.keys(kept.a as object), ['__proto__'])
  }
})

t.test('fresh claims and metadata of a request are checked alike, under their own path', async (t) => {
  t.strictSame(resolveClaims({ roles: [] }, 'session.load().claims'), { roles: [] })
  t.throws(() => resolveClaims({ sub: 'x' }, 'session.load().claims'), {
    code,
    cause: { message: 'session.load().claims.sub must be left out: it is reserved' }
  })
  t.strictSame(resolveMetadata({ sub: 'free here' }, 'session.metadata()'), { sub: 'free here' })
  t.throws(() => resolveMetadata(ofBytes(1025), 'session.metadata()'), {
    code,
    cause: { message: /^session\.metadata\(\) must be/ }
  })
})
