import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { MemoryStore } from '../../../lib/store/memory/memory-store.js'

const code = 'FRT_ERR_INVALID_OPTION'
const secret = 'a secret of thirty-two bytes, so'
const login = async () => null
const required = { secret, login }
const redis = { evalsha: async () => null, eval: async () => null, duplicate: () => null }
const fiveYears = 5 * 365 * 86_400

/** `{ 'a.b': 1 }` is `{ a: { b: 1 } }`. */
function withOption(path: string, value: unknown): Record<string, unknown> {
  const [group, name] = path.split('.') as [string, string?]
  return { ...required, [group]: name === undefined ? value : { [name]: value } }
}

function valueAt(path: string, options: object): unknown {
  return path.split('.').reduce<unknown>((found, name) => Object(found)[name], options)
}

/** A bad value is refused by its path, and the message says what would be right. */
function refuses(t: Test, given: unknown, path: string, right: RegExp = /./): void {
  let error: unknown
  try {
    resolveOptions(given)
  } catch (thrown) {
    error = thrown
  }
  const { message = '' } = (error ?? {}) as { message?: string }
  t.has(error, { code, statusCode: 500 }, `bad ${path}`)
  t.equal(message.slice(0, path.length + 9), `${path} must be `)
  t.match(message.slice(path.length + 9), right)
}

t.test('every option has the default that the documentation names', async (t) => {
  const { transport, session, ...options } = resolveOptions(required)
  t.has(options, {
    keyPrefix: 'frt:',
    storeTimeoutMs: 2000,
    login,
    redis: undefined,
    store: undefined,
    cookie: { name: '__Host-refresh_token', path: '/', domain: undefined, sameSite: 'strict', secure: true },
    header: { refreshToken: 'x-refresh-token', accessToken: 'x-access-token' },
    routes: { prefix: '/auth', login: {}, refresh: {}, logout: {}, logoutAll: {}, sessions: {} },
    csrf: { trustedOrigins: [] },
    onLogin: undefined,
    onRefresh: undefined,
    onLogout: undefined,
    onReuse: undefined
  })
  t.has(options.accessToken, {
    ttlMs: 300_000,
    issuer: undefined,
    audience: undefined,
    algorithm: 'HS256',
    keys: undefined,
    header: 'authorization',
    read: undefined
  })
  t.has(options.refreshToken, {
    ttlMs: 14 * 86_400_000,
    graceMs: 30_000,
    untilConfirmed: true,
    confirms: undefined,
    allowReplay: undefined,
    rollback: 'accept-one'
  })
  t.has(session, { ttlMs: 90 * 86_400_000, maxPerUser: 100, load: undefined })
  t.type(session.metadata, 'function')
  t.equal(transport, 'cookie')
  t.strictSame(options.secret, [Buffer.from(secret)])
})

t.test('a group may be empty, and undefined counts as left out', async (t) => {
  const groups = [
    'accessToken',
    'refreshToken',
    'session',
    'cookie',
    'header',
    'routes',
    'csrf',
    'revocation'
  ]
  for (const group of groups) {
    for (const value of [{}, undefined]) {
      const resolved = resolveOptions({ ...required, [group]: value })
      t.same(valueAt(group, resolved), valueAt(group, resolveOptions(required)), group)
    }
  }
  t.equal(resolveOptions(withOption('accessToken.ttl', undefined)).accessToken.ttlMs, 300_000)
})

t.test('what comes out is frozen, groups too', async (t) => {
  const options = resolveOptions({ ...required, csrf: { trustedOrigins: ['https://a.example'] } })
  t.ok(Object.isFrozen(options))
  const groups = [
    'accessToken',
    'refreshToken',
    'session',
    'cookie',
    'header',
    'routes',
    'csrf',
    'revocation'
  ]
  for (const group of groups) t.ok(Object.isFrozen(valueAt(group, options)), group)
})

t.test('changing what was given changes nothing later', async (t) => {
  const bytes = Buffer.alloc(32, 'a')
  const given = { ...required, secret: [bytes], csrf: { trustedOrigins: ['https://a.example'] } }
  const options = resolveOptions(given)
  bytes.fill('b')
  given.secret.push(Buffer.alloc(32))
  given.csrf.trustedOrigins.push('https://evil.example')
  t.strictSame(options.secret, [Buffer.alloc(32, 'a')])
  t.strictSame(options.csrf.trustedOrigins, ['https://a.example'])
})

t.test('options that are no object are refused', async (t) => {
  for (const given of [undefined, null, 'secret', 1, [], login]) refuses(t, given, 'options', /an object/)
})

t.test('an unknown option is refused by its path, with the names that there are', async (t) => {
  refuses(t, { ...required, secrets: [secret] }, 'secrets', /left out: the options here are login, secret, /)
  refuses(t, { ...required, constructor: 1 }, 'constructor', /left out/)
  refuses(t, { ...required, ...JSON.parse('{"__proto__":{}}') }, '__proto__', /left out/)
  const groups = [
    'accessToken',
    'refreshToken',
    'session',
    'cookie',
    'header',
    'routes',
    'csrf',
    'revocation'
  ]
  for (const group of groups) {
    refuses(t, withOption(`${group}.nope`, 1), `${group}.nope`, /left out: the options here are /)
    refuses(t, withOption(`${group}.toString`, 1), `${group}.toString`, /left out/)
  }
  refuses(t, withOption('cookie.httpOnly', false), 'cookie.httpOnly')
})

t.test('a bad value of any option is refused by its path', async (t) => {
  const noFunction = [null, true, 'x', {}]
  const noText = ['', null, 1, [], {}]
  const noBoolean = [null, 0, 1, 'true', '']
  const noHeader = ['', 'a b', 'a:b', 'é', 'a\r\nb', null, 1]
  const noCount = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]
  const noGroup = [null, true, 'x', 1, [], () => ({})]
  const noRoute = [null, 1, 'off', [], () => {}]
  const bad: Record<string, unknown[]> = {
    login: noFunction,
    redis: [
      null,
      true,
      {},
      { eval() {} },
      { evalsha() {} },
      { eval() {}, evalsha() {} },
      'redis://localhost',
      () => {}
    ],
    store: [null, true, {}, { ...new MemoryStore() }, 'memory'],
    keyPrefix: ['', 'a{b', 'a}b', 'x'.repeat(65), null, 1],
    accessToken: noGroup,
    'accessToken.issuer': noText,
    'accessToken.audience': noText,
    'accessToken.algorithm': ['none', 'HS512', 'hs256', '', null, 1],
    'accessToken.header': noHeader,
    'accessToken.read': noFunction,
    refreshToken: noGroup,
    'refreshToken.untilConfirmed': noBoolean,
    'refreshToken.confirms': noFunction,
    'refreshToken.allowReplay': noFunction,
    'refreshToken.rollback': ['adopt', '', null, true],
    session: noGroup,
    'session.maxPerUser': noCount,
    'session.load': noFunction,
    'session.metadata': noFunction,
    transport: ['cookies', '', 'Cookie', null, true, {}],
    cookie: noGroup,
    'cookie.name': ['', 'a=b', 'a;b', 'a b', 'a,b', 'é', '"a"', null, 1],
    'cookie.path': ['', 'auth', '/a;b', '/a b', '/é', null, 1],
    'cookie.domain': ['', 'a b', 'a;b', 'https://example.com', 'example.com/', null, 1],
    'cookie.sameSite': ['Strict', 'no', '', true, false, null],
    'cookie.secure': [...noBoolean, 'auto'],
    header: noGroup,
    'header.refreshToken': noHeader,
    'header.accessToken': noHeader,
    routes: noGroup,
    'routes.prefix': ['/', 'auth', '/auth/', '//', null, false],
    'routes.login': noRoute,
    'routes.refresh': noRoute,
    'routes.logout': noRoute,
    'routes.logoutAll': noRoute,
    'routes.sessions': noRoute,
    csrf: noGroup,
    revocation: noGroup,
    'revocation.mode': ['feeds', '', null, true],
    'revocation.onStale': ['yes', true, null],
    'revocation.staleAfter': [0, '0.9s', '61s', null, 'soon'],
    // A number of replicas means those of Redis, which is not given here.
    'revocation.replicas': [-1, 0.5, '1', null, 1],
    onLogin: noFunction,
    onRefresh: noFunction,
    onLogout: noFunction,
    onReuse: noFunction
  }
  for (const [path, values] of Object.entries(bad)) {
    for (const value of values) refuses(t, withOption(path, value), path)
  }
})

t.test('a good value of any option comes out as it is', async (t) => {
  const fn = () => true
  const good: Record<string, unknown[]> = {
    redis: [redis],
    store: [new MemoryStore()],
    keyPrefix: ['a', 'x'.repeat(64), 'app:tenant 1:', 'é'],
    'accessToken.issuer': ['https://auth.example.com'],
    'accessToken.audience': ['api'],
    'refreshToken.untilConfirmed': [false, true],
    'refreshToken.confirms': [fn],
    'refreshToken.allowReplay': [fn],
    'refreshToken.rollback': ['accept-one', 'accept'],
    'session.maxPerUser': [1, 5, 1_000_000],
    'session.load': [fn],
    'session.metadata': [fn],
    transport: ['cookie', 'body', 'header', fn],
    'cookie.name': ['rt', '__Secure-rt', "!#$%&'*+-.^_`|~09azAZ"],
    'cookie.sameSite': ['strict', 'lax', 'none'],
    'routes.prefix': ['', '/a', '/api/v1/auth', '/:tenant/auth'],
    'routes.login': [false, { bodyLimit: 1 }],
    'revocation.mode': ['none', 'store', 'feed'],
    'revocation.onStale': ['allow', 'deny'],
    onLogin: [fn],
    onRefresh: [fn],
    onLogout: [fn],
    onReuse: [fn]
  }
  for (const [path, values] of Object.entries(good)) {
    for (const value of values) t.same(valueAt(path, resolveOptions(withOption(path, value))), value, path)
  }
})

t.test('names of headers come out in lower case, as Node.js gives them', async (t) => {
  const header = { refreshToken: 'X-Refresh', accessToken: 'X-Access' }
  const options = resolveOptions({ ...required, header, accessToken: { header: 'X-Auth-Token' } })
  t.strictSame(options.header, { refreshToken: 'x-refresh', accessToken: 'x-access' })
  t.equal(options.accessToken.header, 'x-auth-token')
})

t.test('login is needed unless its route is off', async (t) => {
  refuses(t, { secret }, 'login', /routes\.login false/)
  refuses(t, { secret, routes: { login: true } }, 'login')
  refuses(t, { secret, routes: { login: {} } }, 'login')
  t.equal(resolveOptions({ secret, routes: { login: false } }).login, undefined)
})

t.test('redis and a store together are refused', async (t) => {
  refuses(t, { ...required, redis, store: new MemoryStore() }, 'store', /left out where redis is given/)
})

t.test('a route takes options, but not those that make it another route', async (t) => {
  const names = ['login', 'refresh', 'logout', 'logoutAll', 'sessions']
  for (const name of names) {
    for (const forbidden of ['method', 'url', 'handler']) {
      const given = withOption(`routes.${name}`, { bodyLimit: 100, [forbidden]: undefined })
      refuses(t, given, `routes.${name}.${forbidden}`, /left out/)
    }
  }
})

t.test('trusted origins are origins, letter for letter', async (t) => {
  const right = ['https://app.example.com', 'http://localhost:5173', 'https://[::1]:8443']
  const options = resolveOptions(withOption('csrf.trustedOrigins', right))
  t.strictSame(options.csrf.trustedOrigins, right)
  for (const value of [null, 'https://app.example.com', {}, new Set()]) {
    refuses(t, withOption('csrf.trustedOrigins', value), 'csrf.trustedOrigins', /an array/)
  }
  const wrong = [
    '*',
    'null',
    '',
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://user@app.example.com',
    'file:///',
    null,
    1,
    /example/
  ]
  for (const value of wrong) {
    const given = withOption('csrf.trustedOrigins', ['https://a.example', value])
    refuses(t, given, 'csrf.trustedOrigins[1]', /an origin, such as/)
  }
})

t.test('a trusted origin with a wildcard is refused: it would match nothing', async (t) => {
  const given = withOption('csrf.trustedOrigins', ['https://*.example.com'])
  refuses(t, given, 'csrf.trustedOrigins[0]', /an origin, such as/)
})

t.test('a bad option fails the registration, with the same error', async (t) => {
  const { fastifyRefreshToken } = await import('../../../lib/index.js')
  const app = Fastify()
  t.teardown(() => app.close())
  const registered = app.register(fastifyRefreshToken, { ...required, accessToken: { ttl: 'soon' } })
  await t.rejects(async () => registered, { code, message: /^accessToken\.ttl must be a duration/ })
})

t.test('a secret is a string or Buffer of at least 32 bytes, or several that differ', async (t) => {
  const [a, b] = [Buffer.alloc(32, 'a'), Buffer.alloc(33, 'b')]
  t.strictSame(resolveOptions({ login, secret: a }).secret, [a])
  t.strictSame(resolveOptions({ login, secret: 'é'.repeat(16) }).secret, [Buffer.from('é'.repeat(16))])
  t.strictSame(resolveOptions({ login, secret: [a, 'b'.repeat(33)] }).secret, [a, b], 'in their order')

  const bytes = /a string or a Buffer of at least 32 bytes/
  for (const value of [undefined, null, '', 'x'.repeat(31), Buffer.alloc(31), 32, {}, new Uint8Array(32)]) {
    refuses(t, { login, secret: value }, 'secret', bytes)
    refuses(t, { login, secret: [a, value] }, 'secret[1]', bytes)
  }
  refuses(t, { login, secret: [[a]] }, 'secret[0]', bytes)
  refuses(t, { login, secret: [] }, 'secret', /one secret, or several that differ/)
  refuses(t, { login, secret: [a, b, Buffer.from(a)] }, 'secret', /several that differ/)
  refuses(t, { login, secret: ['a'.repeat(32), a] }, 'secret', /several that differ/)
})

t.test('the message about a secret does not hold it', async (t) => {
  refuses(t, { login, secret: 'hunter2 is too short' }, 'secret', /^((?!hunter2).)*$/)
})

t.test('a duration is a number of seconds or a string, and comes out in milliseconds', async (t) => {
  const rows: [given: number | string, ms: number][] = [
    [60, 60_000],
    [1.5, 1500],
    [60.0004, 60_000],
    ['15m', 900_000],
    ['15 minutes', 900_000],
    ['1.5h', 5_400_000],
    ['1D', 86_400_000],
    ['90000', 90_000],
    ['2000ms', 2000]
  ]
  for (const [given, ms] of rows) {
    t.equal(resolveOptions(withOption('accessToken.ttl', given)).accessToken.ttlMs, ms, String(given))
    t.equal(resolveOptions(withOption('refreshToken.ttl', '200d')).refreshToken.ttlMs, 17_280_000_000)
  }
  t.equal(resolveOptions({ ...required, storeTimeout: 0.25 }).storeTimeoutMs, 250)
  t.equal(resolveOptions({ ...required, storeTimeout: '1m' }).storeTimeoutMs, 60_000)
  t.equal(resolveOptions({ ...required, session: { ttl: '1h' } }).session.ttlMs, 3_600_000)
})

t.test('what is no duration is refused, at each of them', async (t) => {
  const paths = ['storeTimeout', 'accessToken.ttl', 'refreshToken.ttl', 'refreshToken.grace', 'session.ttl']
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number
  const wrong = [
    nan,
    infinity,
    -infinity,
    -1,
    '-1s',
    '-0.5h',
    '',
    ' ',
    'soon',
    '1 fortnight',
    '1h30m',
    '1,5h'
  ]
  const noDuration = [null, true, [], ['1h'], {}, new Date(), 10n]
  for (const path of paths) {
    for (const value of [...wrong, ...noDuration]) {
      refuses(t, withOption(path, value), path, /^a duration: a number of seconds, or a string such as '15m'/)
    }
  }
})

t.test('zero is a duration for the grace alone, where it turns it off', async (t) => {
  for (const zero of [0, '0', '0s', '0 minutes', '00']) {
    t.equal(resolveOptions(withOption('refreshToken.grace', zero)).refreshToken.graceMs, 0, String(zero))
    for (const path of ['storeTimeout', 'accessToken.ttl', 'refreshToken.ttl', 'session.ttl']) {
      refuses(t, withOption(path, zero), path, /a duration/)
    }
  }
})

t.test('zero of something that is no unit is no duration', async (t) => {
  for (const given of ['0 elephants', '0x', '0 s s']) {
    refuses(t, withOption('refreshToken.grace', given), 'refreshToken.grace')
  }
})

t.test('durations have their bounds', async (t) => {
  t.equal(resolveOptions(withOption('session.ttl', fiveYears)).session.ttlMs, fiveYears * 1000)
  refuses(t, withOption('session.ttl', fiveYears + 1), 'session.ttl')
  refuses(t, withOption('session.ttl', '5y'), 'session.ttl')
  refuses(t, withOption('refreshToken.ttl', fiveYears + 1), 'refreshToken.ttl')
  for (const path of ['accessToken.ttl', 'refreshToken.ttl', 'session.ttl']) {
    refuses(t, withOption(path, '999ms'), path)
  }
  t.equal(resolveOptions({ ...required, storeTimeout: '1ms' }).storeTimeoutMs, 1)
  refuses(t, { ...required, storeTimeout: '61s' }, 'storeTimeout')
})

t.test('the grace is a tenth of the access token, at most 30 seconds, unless it is given', async (t) => {
  const graceOf = (accessToken: object, refreshToken = {}) =>
    resolveOptions({ ...required, accessToken, refreshToken }).refreshToken.graceMs
  t.equal(graceOf({ ttl: '1m' }), 6000)
  t.equal(graceOf({ ttl: '5m' }), 30_000)
  t.equal(graceOf({ ttl: '1h' }), 30_000)
  t.equal(graceOf({ ttl: '1h' }, { grace: '2m' }), 120_000)
})

t.test('three times the grace is less than the lifetime of the access token', async (t) => {
  const given = (ttl: string, grace: string) => ({
    ...required,
    accessToken: { ttl },
    refreshToken: { grace }
  })
  t.equal(resolveOptions(given('90001ms', '30s')).refreshToken.graceMs, 30_000)
  refuses(t, given('90s', '30s'), 'refreshToken.grace', /less than a third of accessToken\.ttl/)
  refuses(t, given('5m', '2m'), 'refreshToken.grace')
})

t.test('the refresh token lives for more than six times the grace', async (t) => {
  const given = (ttl: string, grace?: string) => ({
    ...required,
    refreshToken: { ttl, ...(grace !== undefined && { grace }) }
  })
  t.equal(resolveOptions(given('60001ms', '10s')).refreshToken.ttlMs, 60_001)
  refuses(t, given('60s', '10s'), 'refreshToken.ttl', /more than six times refreshToken\.grace/)
  refuses(t, given('3m'), 'refreshToken.ttl', /more than six times/)
  t.equal(resolveOptions(given('1s', '0')).refreshToken.ttlMs, 1000)
})

t.test('a cookie that browsers would drop is refused', async (t) => {
  const given = (cookie: object) => ({ ...required, cookie })
  const host = /without '__Host-' unless secure is true, path is '\/' and there is no domain/
  refuses(t, given({ domain: 'example.com' }), 'cookie.name', host)
  refuses(t, given({ path: '/auth' }), 'cookie.name', host)
  refuses(t, given({ secure: false }), 'cookie.name', host)
  refuses(t, given({ name: '__Host-x', secure: false, path: '/auth' }), 'cookie.name', host)
  refuses(
    t,
    given({ name: '__Secure-x', secure: false }),
    'cookie.name',
    /without '__Secure-' unless secure is true/
  )
  refuses(
    t,
    given({ name: 'x', secure: false, sameSite: 'none' }),
    'cookie.secure',
    /true where sameSite is 'none'/
  )
})

t.test('a cookie that browsers take is accepted', async (t) => {
  const cookies = [
    { sameSite: 'none' },
    { name: '__Secure-x', domain: 'example.com', path: '/auth' },
    { name: 'x', domain: '.example.com', path: '/a/b-c?d' },
    { name: 'x', secure: false, sameSite: 'lax' },
    { name: 'x__Host-', path: '/auth' }
  ]
  for (const cookie of cookies) t.has(resolveOptions({ ...required, cookie }).cookie, cookie)
})

t.test('the prefixes of cookies count in any case, as browsers read them', async (t) => {
  // RFC 6265bis section 5.7: "begins with a case-insensitive match for the string".
  refuses(t, { ...required, cookie: { name: '__HOST-x', path: '/auth' } }, 'cookie.name')
  refuses(t, { ...required, cookie: { name: '__secure-x', secure: false } }, 'cookie.name')
})

t.test('the two headers have two names', async (t) => {
  refuses(t, withOption('header.accessToken', 'X-Refresh-Token'), 'header.accessToken')
})
