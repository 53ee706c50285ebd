import t from 'tap'
import {
  isDeviceName,
  resolveClaims,
  resolveIdentity,
  resolveMetadata
} from '../../../lib/sessions/identity.js'
import type { Identity } from '../../../types/session.js'

const code = 'FRT_ERR_INVALID_IDENTITY'

/** Resolves any value that `login` may return in JavaScript. */
function resolve(input: unknown) {
  return resolveIdentity(input as Identity)
}

/** Returns an object whose JSON has exactly this number of bytes. */
function objectOfBytes(bytes: number): Record<string, string> {
  return { a: 'x'.repeat(bytes - '{"a":""}'.length) }
}

t.test('an identity with only a subject gets the defaults', async (t) => {
  t.strictSame(resolve({ sub: 'user-1' }), {
    sub: 'user-1',
    claims: {},
    remember: true,
    ttlMs: undefined,
    idleTtlMs: undefined,
    authentication: { acr: undefined, amr: undefined },
    jkt: null,
    metadata: {}
  })
})

t.test('a property that is undefined counts as missing', async (t) => {
  const input = { sub: 'a', claims: undefined, remember: undefined, ttl: undefined, metadata: undefined }
  t.strictSame(resolve(input), resolve({ sub: 'a' }))
})

t.test('a complete identity is returned unchanged', async (t) => {
  const claims = { roles: ['admin'], nested: { deep: [1, null, true] }, ключ: '\u{1f36a}' }
  t.strictSame(resolve({ sub: 'a', claims, remember: false, ttl: '1h', metadata: { device: 'phone' } }), {
    sub: 'a',
    claims,
    remember: false,
    ttlMs: 3_600_000,
    idleTtlMs: undefined,
    authentication: { acr: undefined, amr: undefined },
    jkt: null,
    metadata: { device: 'phone' }
  })
})

t.test('a value that is not an object is rejected', async (t) => {
  for (const input of [null, undefined, true, 1, 'user-1', [], [{ sub: 'a' }], () => ({ sub: 'a' })]) {
    t.throws(() => resolve(input), { code, cause: { message: 'identity must be an object' } }, String(input))
  }
})

t.test('an unknown property is rejected with its name', async (t) => {
  for (const name of ['id', 'roles', 'Sub', 'claim', 'constructor', 'scope']) {
    t.throws(() => resolve({ sub: 'a', [name]: 'x' }), {
      code,
      cause: { message: new RegExp(`^unknown property "identity\\.${name}", `) }
    })
  }
})

t.test('an unknown property is rejected with the nearest name or all names', async (t) => {
  t.throws(() => resolve({ sub: 'a', claim: {} }), {
    code,
    cause: { message: 'unknown property "identity.claim", did you mean "identity.claims"?' }
  })
  t.throws(() => resolve({ sub: 'a', role: 'admin' }), {
    code,
    cause: {
      message:
        'unknown property "identity.role", the properties are: sub, claims, remember, ttl, idleTtl, acr, amr, jkt, metadata'
    }
  })
})

t.test('a subject must have 1 to 256 bytes of UTF-8', async (t) => {
  const valid = ['a', '0', ' ', 'x'.repeat(256), 'é'.repeat(128), '\u{1f36a}'.repeat(64), '\0']
  for (const sub of valid) t.equal(resolve({ sub }).sub, sub)
  const invalid: [sub: unknown, kind: string][] = [
    ['', 'a string of 0 bytes'],
    ['x'.repeat(257), 'a string of 257 bytes'],
    ['é'.repeat(129), 'a string of 258 bytes'],
    ['\u{1f36a}'.repeat(65), 'a string of 260 bytes'],
    [10n ** 256n, 'a string of 257 bytes'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'a boolean'],
    [1.5, 'a number that is not a safe integer'],
    [2 ** 53, 'a number that is not a safe integer'],
    [Number.NaN, 'a number that is not a safe integer'],
    [Number.POSITIVE_INFINITY, 'a number that is not a safe integer'],
    [{}, 'an object'],
    [new Date(), 'an object'],
    [['a'], 'an array'],
    [Promise.resolve('a'), 'a promise']
  ]
  for (const [sub, kind] of invalid) {
    const message = `identity.sub must be a string of 1 to 256 bytes, a safe integer or a bigint, but is ${kind}`
    t.throws(() => resolve({ sub }), { code, cause: { message } })
  }
})

t.test('an integer as subject becomes its decimal digits', async (t) => {
  const valid: [sub: number | bigint, text: string][] = [
    [0, '0'],
    [-0, '0'],
    [7, '7'],
    [-7, '-7'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [7n, '7'],
    [2n ** 64n - 1n, '18446744073709551615']
  ]
  for (const [sub, text] of valid) t.equal(resolve({ sub }).sub, text)
})

t.test('a subject with a lone surrogate is rejected, because two of them have the same bytes', async (t) => {
  for (const sub of ['\ud83c', 'a\udf6a', '\udf6a\ud83c']) {
    t.throws(() => resolve({ sub }), { code, cause: { message: 'identity.sub must be well-formed Unicode' } })
  }
})

t.test('remember must be true or false', async (t) => {
  for (const remember of ['false', 0, 1, null, '']) {
    t.throws(() => resolve({ sub: 'a', remember }), {
      code,
      cause: { message: 'identity.remember must be true or false' }
    })
  }
})

t.test('a ttl must be a duration of at least one second', async (t) => {
  const valid: [ttl: number | string, ms: number][] = [
    [1, 1000],
    [0.9999, 1000],
    [3600, 3_600_000],
    ['1s', 1000],
    ['1000', 1_000_000],
    ['15 minutes', 900_000],
    ['2d', 172_800_000]
  ]
  for (const [ttl, ms] of valid) {
    t.equal(resolve({ sub: 'a', ttl }).ttlMs, ms, String(ttl))
    t.equal(resolve({ sub: 'a', idleTtl: ttl }).idleTtlMs, ms)
  }
  const invalid = [
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
  for (const ttl of invalid) {
    t.throws(
      () => resolve({ sub: 'a', ttl }),
      { code, cause: { message: /^identity\.ttl must be a duration/ } },
      String(ttl)
    )
  }
})

t.test('each reserved claim is rejected with its name, for any value', async (t) => {
  for (const name of [
    'sub',
    'sid',
    'gen',
    'iat',
    'exp',
    'nbf',
    'iss',
    'aud',
    'jti',
    'client_id',
    'auth_time',
    'cnf'
  ]) {
    for (const value of ['x', null, 0]) {
      t.throws(() => resolve({ sub: 'a', claims: { [name]: value } }), {
        code,
        cause: { message: `identity.claims.${name} is not allowed, because the plugin sets this claim` }
      })
    }
  }
})

t.test('names similar to a reserved claim are accepted', async (t) => {
  const claims = { Sub: 1, subject: 2, scope: 'read', 'sub ': 3, nested: { sub: 4, exp: 5 } }
  t.strictSame(resolve({ sub: 'a', claims }).claims, claims)
})

t.test('claims are limited to 4,096 bytes of JSON and metadata to 1,024', async (t) => {
  t.ok(resolve({ sub: 'a', claims: objectOfBytes(4096) }))
  t.ok(resolve({ sub: 'a', metadata: objectOfBytes(1024) }))
  t.throws(() => resolve({ sub: 'a', claims: objectOfBytes(4097) }), {
    code,
    cause: { message: 'identity.claims must be an object of at most 4096 bytes of JSON' }
  })
  t.throws(() => resolve({ sub: 'a', metadata: objectOfBytes(1025) }), {
    code,
    cause: { message: 'identity.metadata must be an object of at most 1024 bytes of JSON' }
  })
})

t.test('the size limit counts bytes, not characters', async (t) => {
  t.throws(() => resolve({ sub: 'a', metadata: { a: 'é'.repeat(600) } }), { code })
  t.ok(resolve({ sub: 'a', metadata: { a: 'é'.repeat(500) } }))
})

t.test('claims and metadata that are not plain objects are rejected', async (t) => {
  const toJSON = (value: unknown) => ({ toJSON: () => value })
  const invalid = [
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
  for (const value of invalid) {
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

t.test('claims that JSON cannot represent are rejected', async (t) => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = { cyclic }
  const throwing = {
    toJSON() {
      throw new Error('no')
    }
  }
  let nested: object = {}
  for (let i = 0; i < 100_000; i++) nested = { nested }
  const failed = 'cannot be serialized as JSON, because a toJSON method failed'
  const rows: [value: object, problem: string][] = [
    [cyclic, 'must not contain a circular reference'],
    [{ balance: 1n }, 'must not contain a bigint, because JSON has none. Use a string'],
    [{ accounts: [{ balance: 1n }] }, 'must not contain a bigint, because JSON has none. Use a string'],
    [throwing, failed],
    [{ deep: throwing }, failed],
    [nested, 'is nested too deeply for JSON'],
    [{ toJSON: () => undefined }, 'must be an object']
  ]
  for (const [value, problem] of rows) {
    const input = { sub: 'a', claims: value }
    t.throws(() => resolve(input), { code, cause: { message: `identity.claims ${problem}` } })
    t.throws(() => resolve({ sub: 'a', metadata: value }), {
      cause: { message: `identity.metadata ${problem}` }
    })
  }
})

t.test('reserved claims are rejected even from toJSON or a getter', async (t) => {
  const withToJson = { harmless: true, toJSON: () => ({ sub: 'root' }) }
  t.throws(() => resolve({ sub: 'a', claims: withToJson }), {
    code,
    cause: { message: /^identity\.claims\.sub is not allowed/ }
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

t.test('claims are copied and converted to plain JSON values', async (t) => {
  const roles = ['reader']
  const claims = { roles, since: new Date(0), none: undefined, fn: () => 1, nan: Number.NaN }
  const resolved = resolve({ sub: 'a', claims })
  roles.push('admin')
  t.strictSame(resolved.claims, { roles: ['reader'], since: '1970-01-01T00:00:00.000Z', nan: null })
})

t.test('a property named __proto__ is rejected at the top level and kept in nested objects', async (t) => {
  for (const part of ['claims', 'metadata'] as const) {
    t.throws(() => resolve({ sub: 'a', [part]: JSON.parse('{"__proto__":{"admin":true}}') }), {
      code,
      cause: { message: `identity.${part}.__proto__ is not allowed` }
    })
    const kept = resolve({ sub: 'a', [part]: JSON.parse('{"a":{"__proto__":{"admin":true}}}') })[part]
    t.strictSame(Object.keys(kept.a as object), ['__proto__'])
  }
})

t.test('reloaded claims and request metadata are checked with their own path', async (t) => {
  t.strictSame(resolveClaims({ roles: [] }, 'session.load().claims'), { roles: [] })
  t.throws(() => resolveClaims({ sub: 'x' }, 'session.load().claims'), {
    code,
    cause: { message: 'session.load().claims.sub is not allowed, because the plugin sets this claim' }
  })
  t.strictSame(resolveMetadata({ sub: 'free here' }, 'session.metadata()'), { sub: 'free here' })
  t.throws(() => resolveMetadata(objectOfBytes(1025), 'session.metadata()'), {
    code,
    cause: { message: /^session\.metadata\(\) must be/ }
  })
})

t.test('an authentication is a class and methods of few plain characters', async (t) => {
  t.strictSame(resolve({ sub: 'a', acr: 'otp', amr: ['pwd', 'otp'] }).authentication, {
    acr: 'otp',
    amr: ['pwd', 'otp']
  })
  t.strictSame(resolve({ sub: 'a' }).authentication, { acr: undefined, amr: undefined })
  for (const acr of ['', 'a b', 'x'.repeat(65), 7, null, ['otp']]) {
    t.throws(() => resolve({ sub: 'a', acr }), { code, cause: { message: /^identity\.acr must be/ } })
  }
  for (const amr of ['otp', [''], [7], Array(9).fill('x'), null, {}]) {
    t.throws(() => resolve({ sub: 'a', amr }), { code, cause: { message: /^identity\.amr must be/ } })
  }
})

t.test('a device name has 1 to 64 characters, however many bytes they take', async (t) => {
  for (const name of ['a', ' ', 'Küche', '\u{1f4f1}'.repeat(64), 'x'.repeat(64)])
    t.equal(isDeviceName(name), true)
  for (const name of [
    '',
    '\u{1f4f1}'.repeat(65),
    'x'.repeat(65),
    'x'.repeat(1e6),
    'a\tb',
    '\u007f',
    'a\u202eb',
    '\u2066',
    '\ud800',
    7,
    null
  ])
    t.equal(isDeviceName(name), false)
})
