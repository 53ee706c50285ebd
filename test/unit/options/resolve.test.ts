import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { MemoryStore } from '../../../lib/store/memory/memory-store.js'

const code = 'FRT_ERR_INVALID_OPTION'
const secret = 'a secret of thirty-two bytes, so'
const login = async () => null
const required = { secret, login }
const run = async () => null
const redis = { evalsha: run, eval: run, evalshaBuffer: run, evalBuffer: run, duplicate: () => null }
const day = 86_400
const year = 365.25 * day

/** Returns valid options with the value at the path, for example `{ a: { b: 1 } }` for `a.b`. */
function withOption(path: string, value: unknown): Record<string, unknown> {
  const [group, name] = path.split('.') as [string, string?]
  return { ...required, [group]: name === undefined ? value : { [name]: value } }
}

function valueAt(path: string, options: object): unknown {
  return path.split('.').reduce<unknown>((found, name) => Object(found)[name], options)
}

/** Asserts that the options are rejected with a message that starts with `start` and contains `expected`. */
function rejects(t: Test, input: unknown, start: string, expected: RegExp = /./): void {
  let error: unknown
  try {
    resolveOptions(input)
  } catch (thrown) {
    error = thrown
  }
  const { message = '' } = (error ?? {}) as { message?: string }
  t.has(error, { code, statusCode: 500 }, `rejects: ${start}`)
  t.equal(message.slice(0, start.length), start)
  t.match(message.slice(start.length), expected)
}

function rejectsOption(t: Test, input: unknown, path: string, expected?: RegExp): void {
  rejects(t, input, `option "${path}" `, expected)
}

t.test('each option has the documented default', async (t) => {
  const { transport, session, ...options } = resolveOptions(required)
  t.has(options, {
    keyPrefix: 'frt:',
    storeTimeoutMs: 2000,
    login,
    redis: undefined,
    store: undefined,
    cookie: {
      name: '__Host-refresh_token',
      path: '/',
      domain: undefined,
      previous: [],
      sameSite: 'strict',
      secure: true
    },
    header: { refreshToken: 'x-refresh-token', accessToken: 'x-access-token' },
    routes: {
      prefix: '/auth',
      login: {},
      refresh: {},
      logout: {},
      logoutAll: {},
      logoutOthers: {},
      sessions: {},
      stepUp: undefined
    },
    binding: {
      mode: 'optional',
      leewayMs: 60_000,
      nonce: 'when-needed',
      address: undefined,
      remember: 100_000
    },
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
    clockToleranceMs: 0,
    jitterMs: 0,
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
  t.has(session, { ttlMs: 90 * 86_400_000, maxPerUser: 100, onLimit: 'evict-oldest', load: undefined })
  t.equal(session.metadata, undefined)
  t.equal(transport, 'cookie')
  t.strictSame(options.secret, [Buffer.from(secret)])
})

t.test('an empty group and undefined have the defaults', async (t) => {
  const groups = [
    'accessToken',
    'refreshToken',
    'session',
    'cookie',
    'header',
    'routes',
    'binding',
    'csrf',
    'revocation',
    'durability'
  ]
  for (const group of groups) {
    for (const value of [{}, undefined]) {
      const resolved = resolveOptions({ ...required, [group]: value })
      t.same(valueAt(group, resolved), valueAt(group, resolveOptions(required)), group)
    }
  }
  t.equal(resolveOptions(withOption('accessToken.ttl', undefined)).accessToken.ttlMs, 300_000)
})

t.test('resolved options and their groups are frozen', async (t) => {
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
    'revocation',
    'durability'
  ]
  for (const group of groups) t.ok(Object.isFrozen(valueAt(group, options)), group)
})

t.test('later changes of the input do not change the resolved options', async (t) => {
  const bytes = Buffer.alloc(32, 'a')
  const input = { ...required, secret: [bytes], csrf: { trustedOrigins: ['https://a.example'] } }
  const options = resolveOptions(input)
  bytes.fill('b')
  input.secret.push(Buffer.alloc(32))
  input.csrf.trustedOrigins.push('https://evil.example')
  t.strictSame(options.secret, [Buffer.alloc(32, 'a')])
  t.strictSame(options.csrf.trustedOrigins, ['https://a.example'])
})

t.test('options that are not an object are rejected', async (t) => {
  for (const input of [undefined, null, 'secret', 1, [], login])
    rejects(t, input, 'options must be an object', /^$/)
})

t.test('an unknown option is rejected with the nearest name or all names', async (t) => {
  rejects(t, { ...required, secrets: [secret] }, 'unknown option "secrets", did you mean "secret"?', /^$/)
  rejects(
    t,
    { ...required, constructor: 1 },
    'unknown option "constructor", the options are: login, secret, '
  )
  rejects(t, { ...required, ...JSON.parse('{"__proto__":{}}') }, 'unknown option "__proto__", ')
  const groups = [
    'accessToken',
    'refreshToken',
    'session',
    'cookie',
    'header',
    'routes',
    'csrf',
    'revocation',
    'durability'
  ]
  for (const group of groups) {
    rejects(t, withOption(`${group}.nope`, 1), `unknown option "${group}.nope", `)
    rejects(t, withOption(`${group}.toString`, 1), `unknown option "${group}.toString", `)
  }
  rejects(t, withOption('cookie.httpOnly', false), 'unknown option "cookie.httpOnly", ')
})

t.test('an invalid value of each option is rejected with its path', async (t) => {
  const notFunctions = [null, true, 'x', {}]
  const noText = ['', null, 1, [], {}]
  const noBoolean = [null, 0, 1, 'true', '']
  const noHeader = ['', 'a b', 'a:b', 'é', 'a\r\nb', null, 1]
  const noCount = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]
  const noGroup = [null, true, 'x', 1, [], () => ({})]
  const noRoute = [null, 1, 'off', [], () => {}]
  const invalid: Record<string, unknown[]> = {
    login: notFunctions,
    redis: [
      null,
      true,
      {},
      { eval() {} },
      { evalsha() {} },
      { eval() {}, evalsha() {} },
      { eval() {}, evalsha() {}, duplicate() {} },
      'redis://localhost',
      () => {}
    ],
    store: [null, true, {}, { ...new MemoryStore() }, 'memory'],
    keyPrefix: ['', 'a{b', 'a}b', 'x'.repeat(65), null, 1],
    accessToken: noGroup,
    'accessToken.issuer': noText,
    'accessToken.audience': ['', null, 1, {}, [], ['a', 'a']],
    'accessToken.clientId': noText,
    'accessToken.clockTolerance': ['soon', null, -1, '601', '11m'],
    'accessToken.algorithm': ['none', 'HS512', 'hs256', '', null, 1],
    'accessToken.header': noHeader,
    'accessToken.read': notFunctions,
    refreshToken: noGroup,
    'refreshToken.untilConfirmed': noBoolean,
    'refreshToken.confirms': notFunctions,
    'refreshToken.allowReplay': notFunctions,
    'refreshToken.rollback': ['adopt', '', null, true],
    session: noGroup,
    'session.maxPerUser': noCount,
    'session.load': notFunctions,
    'session.metadata': notFunctions,
    transport: ['cookies', '', 'Cookie', null, true, {}],
    cookie: noGroup,
    'cookie.name': ['', 'a=b', 'a;b', 'a b', 'a,b', 'é', '"a"', null, 1],
    'cookie.path': ['', 'auth', '/a;b', '/a b', '/é', '/a<b', null, 1],
    'cookie.domain': [
      ...['', 'a b', 'a;b', 'https://example.com', 'example.com/', null, 1],
      ...['example.com.', 'example..com', '-a.com', 'a-.com', '..example.com', '.', 'a_b.com', 'é.com'],
      ...[`${'a'.repeat(64)}.com`, `example.${'a'.repeat(64)}`]
    ],
    'cookie.previous': [null, {}, 'old'],
    'cookie.sameSite': ['Strict', 'no', '', true, false, null],
    'cookie.secure': [...noBoolean, 'auto'],
    'cookie.partitioned': noBoolean,
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
    'routes.serverMetadata': noRoute,
    'routes.introspect': noRoute,
    oauth: noGroup,
    'oauth.serverMetadata': [null, true, 'x', [], { big: 1n }, { toJSON: () => undefined }],
    'oauth.canIntrospect': notFunctions,
    binding: noGroup,
    'binding.mode': ['on', '', 'Optional', null, true],
    'binding.leeway': ['soon', null, 0, '0.9s', '601', '11m'],
    'binding.nonce': ['never', '', null, true],
    'binding.address': notFunctions,
    'binding.remember': [-1, 0.5, '1', null],
    csrf: noGroup,
    revocation: noGroup,
    'revocation.mode': ['feeds', '', null, true],
    'revocation.onStale': ['yes', true, null],
    'revocation.staleAfter': [0, '0.9s', '61s', null, 'soon'],
    durability: noGroup,
    // 1 is rejected because the options have no Redis client.
    'durability.replicas': [-1, 0.5, '1', null, 1],
    'durability.of': ['revoke', null, 1, []],
    onLogin: notFunctions,
    onRefresh: notFunctions,
    onLogout: notFunctions,
    onReuse: notFunctions
  }
  for (const [path, values] of Object.entries(invalid)) {
    for (const value of values) rejectsOption(t, withOption(path, value), path)
  }
})

t.test('a valid value of each option is returned unchanged', async (t) => {
  const fn = () => true
  const valid: Record<string, unknown[]> = {
    redis: [redis],
    store: [new MemoryStore()],
    keyPrefix: ['a', 'x'.repeat(64), 'app:tenant 1:', 'é'],
    'accessToken.issuer': ['https://auth.example.com'],
    'accessToken.audience': ['api'],
    'accessToken.clientId': ['web', () => 'web'],
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
    'oauth.serverMetadata': [{}, { scopes_supported: ['read'], token_endpoint: undefined }],
    'oauth.canIntrospect': [fn],
    'binding.mode': ['off', 'optional', 'required', fn],
    'binding.nonce': ['when-needed', 'always'],
    'binding.address': [fn],
    'binding.remember': [0, 1, 1_000_000],
    'revocation.mode': ['none', 'store', 'feed'],
    'revocation.onStale': ['allow', 'deny'],
    onLogin: [fn],
    onRefresh: [fn],
    onLogout: [fn],
    onReuse: [fn]
  }
  for (const [path, values] of Object.entries(valid)) {
    for (const value of values) t.same(valueAt(path, resolveOptions(withOption(path, value))), value, path)
  }
})

t.test('header names are returned in lower case, as in Node.js', async (t) => {
  const header = { refreshToken: 'X-Refresh', accessToken: 'X-Access' }
  const options = resolveOptions({ ...required, header, accessToken: { header: 'X-Auth-Token' } })
  t.strictSame(options.header, { refreshToken: 'x-refresh', accessToken: 'x-access' })
  t.equal(options.accessToken.header, 'x-auth-token')
})

t.test('the mode required excludes accessToken.read, because a navigation carries no proof', async (t) => {
  const read = () => null
  const of = (mode: unknown) => ({ ...required, accessToken: { read }, binding: { mode } })
  rejectsOption(t, of('required'), 'binding.mode', /accessToken\.read/)
  for (const mode of ['off', 'optional', () => 'required']) t.ok(resolveOptions(of(mode)))
})

t.test('login is required unless its route is disabled', async (t) => {
  rejectsOption(t, { secret }, 'login', /^must be a function, unless routes\.login is false$/)
  rejectsOption(t, { secret, routes: { login: true } }, 'login')
  rejectsOption(t, { secret, routes: { login: {} } }, 'login')
  t.equal(resolveOptions({ secret, routes: { login: false } }).login, undefined)
})

t.test('redis and store exclude each other', async (t) => {
  rejects(
    t,
    { ...required, redis, store: new MemoryStore() },
    'options "redis" and "store" exclude each other',
    /^$/
  )
})

t.test('durability.of selects the writes that wait', async (t) => {
  const resolve = (durability: object, others: object = { redis }) =>
    resolveOptions({ ...required, ...others, durability }).durability
  const none = { revoke: false, create: false, rotate: false }
  t.same(resolve({}), { replicas: 0, ...none })
  t.same(resolve({ replicas: 2 }), { replicas: 2, ...none, revoke: true })
  t.same(resolve({ replicas: 1, of: ['create', 'rotate'] }), {
    replicas: 1,
    ...none,
    create: true,
    rotate: true
  })

  const store = Object.assign(new MemoryStore(), { waitForReplicas: async () => {} })
  t.same(resolve({}, { store }), { replicas: 0, ...none, revoke: true }, 'a store that waits')
  t.same(resolve({ of: ['create'] }, { store }), { replicas: 0, ...none, create: true })
})

t.test('durability options that contradict each other are rejected', async (t) => {
  const withDurability = (durability: object, others: object = {}) => ({
    ...required,
    redis,
    ...others,
    durability
  })
  rejectsOption(
    t,
    withDurability({ replicas: 1, of: ['login'] }),
    'durability.of[0]',
    /^must be 'revoke' or 'create' or/
  )
  rejectsOption(t, withDurability({ replicas: 1, of: [] }), 'durability.of', /at least one write$/)
  rejectsOption(
    t,
    withDurability({ of: ['create'] }),
    'durability.replicas',
    /^must be at least 1 when durability\.of is set$/
  )
  rejectsOption(
    t,
    withDurability({ replicas: 1, of: ['rotate'] }, { refreshToken: { untilConfirmed: false } }),
    'refreshToken.untilConfirmed',
    /^must be true when durability\.of includes "rotate"$/
  )
})

t.test('route options must not contain method, url or handler', async (t) => {
  const names = ['login', 'refresh', 'logout', 'logoutAll', 'sessions']
  for (const name of names) {
    for (const forbidden of ['method', 'url', 'handler']) {
      const input = withOption(`routes.${name}`, { bodyLimit: 100, [forbidden]: undefined })
      rejectsOption(t, input, `routes.${name}.${forbidden}`, /^is not allowed, because the plugin sets it$/)
    }
  }
})

t.test('the introspection route requires a function that authenticates its callers', async (t) => {
  for (const introspect of [true, {}]) {
    const expected = /^must be a function if routes\.introspect is enabled$/
    rejectsOption(t, { ...required, routes: { introspect } }, 'oauth.canIntrospect', expected)
  }
  const options = { ...required, routes: { introspect: true }, oauth: { canIntrospect: () => true } }
  t.same(resolveOptions(options).routes.introspect, {})
})

t.test('server metadata requires an issuer that is an https URL without query and fragment', async (t) => {
  const withIssuer = (issuer: string | undefined) => ({
    ...required,
    accessToken: { issuer },
    routes: { serverMetadata: true }
  })
  for (const issuer of [
    undefined,
    'me',
    'http://auth.example.com',
    'ftp://auth.example.com',
    'https://auth.example.com?a=1',
    'https://auth.example.com?',
    'https://auth.example.com/#a',
    'https://user:secret@auth.example.com',
    'https://auth.example.com/a b',
    'https://auth.example.com//',
    'https://auth.example.com/:tenant',
    'https://auth.example.com/*'
  ]) {
    rejectsOption(t, withIssuer(issuer), 'accessToken.issuer', /^must be an https:\/\/ URL/)
  }
  for (const issuer of [
    'https://auth.example.com',
    'https://auth.example.com:8443/',
    'https://auth.example.com/tenants/7',
    'http://localhost:3000',
    'http://127.0.0.1/a/',
    'http://[::1]:3000'
  ]) {
    t.equal(resolveOptions(withIssuer(issuer)).accessToken.issuer, issuer)
  }
})

t.test('oauth.serverMetadata must not contain the issuer', async (t) => {
  rejects(
    t,
    { ...required, oauth: { serverMetadata: { issuer: 'https://auth.example.com' } } },
    'option "oauth.serverMetadata.issuer" is not allowed, because accessToken.issuer sets it',
    /^$/
  )
})

t.test('a trusted origin is what the header can contain', async (t) => {
  const valid = [
    ...['https://app.example.com', 'http://localhost:5173', 'https://[::1]:8443'],
    ...[
      'capacitor://localhost',
      'ionic://localhost',
      'tauri://localhost',
      'http://tauri.localhost',
      'app://.'
    ],
    ...['chrome-extension://abcdefghijklmnop', 'moz-extension://5a04d0ea-4dbb-4b3c-8f0a-1d2f3e4a5b6c']
  ]
  const options = resolveOptions(withOption('csrf.trustedOrigins', valid))
  t.strictSame(options.csrf.trustedOrigins, valid)
  const isTrusted = () => true
  t.equal(resolveOptions(withOption('csrf.trustedOrigins', isTrusted)).csrf.trustedOrigins, isTrusted)
  for (const value of [null, 'https://app.example.com', {}, new Set()]) {
    rejectsOption(t, withOption('csrf.trustedOrigins', value), 'csrf.trustedOrigins', /an array/)
  }
})

t.test('a value that no browser sends as an origin is rejected', async (t) => {
  const invalid = [
    '*',
    'null',
    '',
    'app.example.com',
    'file:///',
    'mailto:a@example.com',
    'https://*.example.com'
  ]
  for (const value of [...invalid, 'capacitor://*', null, 1, /example/]) {
    const input = withOption('csrf.trustedOrigins', ['https://a.example', value])
    rejectsOption(t, input, 'csrf.trustedOrigins[1]', /an origin without wildcards, such as/)
  }
})

t.test('the message about a misspelled origin has the origin that browsers send', async (t) => {
  const rows: [written: string, sent: string][] = [
    ['https://app.example.com/', 'https://app.example.com'],
    ['https://app.example.com/path?query', 'https://app.example.com'],
    ['https://APP.example.com', 'https://app.example.com'],
    ['HTTPS://app.example.com', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://localhost:80', 'http://localhost'],
    ['https://user:password@app.example.com', 'https://app.example.com'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['capacitor://localhost/', 'capacitor://localhost'],
    ['Capacitor://localhost', 'capacitor://localhost'],
    ['app://./index.html', 'app://.']
  ]
  for (const [written, sent] of rows) {
    const input = withOption('csrf.trustedOrigins', [written])
    rejects(t, input, `option "csrf.trustedOrigins[0]" must be '${sent}', as browsers send it`, /^$/)
  }
})

t.test('an invalid option rejects the registration with the same error', async (t) => {
  const { fastifyRefreshToken } = await import('../../../lib/index.js')
  const app = Fastify()
  t.teardown(() => app.close())
  const registered = app.register(fastifyRefreshToken, { ...required, accessToken: { ttl: 'soon' } })
  await t.rejects(async () => registered, { code, message: /^option "accessToken\.ttl" must be a duration/ })
})

t.test('secret accepts strings and Buffers of at least 32 bytes, or several different ones', async (t) => {
  const [a, b] = [Buffer.alloc(32, 'a'), Buffer.alloc(33, 'b')]
  t.strictSame(resolveOptions({ login, secret: a }).secret, [a])
  t.strictSame(resolveOptions({ login, secret: 'é'.repeat(16) }).secret, [Buffer.from('é'.repeat(16))])
  t.strictSame(resolveOptions({ login, secret: [a, 'b'.repeat(33)] }).secret, [a, b], 'in their order')
  t.strictSame(resolveOptions({ login, secret: new Uint8Array(a) }).secret, [a])
  rejectsOption(t, { login, secret: [a, new Uint8Array(a)] }, 'secret', /several different ones/)

  const bytes = /a string, a Buffer or a Uint8Array of at least 32 bytes/
  for (const value of [undefined, null, '', 'x'.repeat(31), Buffer.alloc(31), 32, {}, new Uint8Array(31)]) {
    rejectsOption(t, { login, secret: value }, 'secret', bytes)
    rejectsOption(t, { login, secret: [a, value] }, 'secret[1]', bytes)
  }
  rejectsOption(t, { login, secret: [[a]] }, 'secret[0]', bytes)
  rejectsOption(t, { login, secret: [] }, 'secret', /one secret, or several different ones/)
  rejectsOption(t, { login, secret: [a, b, Buffer.from(a)] }, 'secret', /several different ones/)
  rejectsOption(t, { login, secret: ['a'.repeat(32), a] }, 'secret', /several different ones/)
})

t.test('the message about an invalid secret does not contain it', async (t) => {
  rejectsOption(t, { login, secret: 'hunter2 is too short' }, 'secret', /^((?!hunter2).)*$/)
})

t.test('a duration is a number of seconds or a string, and is returned in milliseconds', async (t) => {
  const rows: [input: number | string, ms: number][] = [
    [60, 60_000],
    [1.5, 1500],
    [60.0004, 60_000],
    ['15m', 900_000],
    ['15 minutes', 900_000],
    ['1.5h', 5_400_000],
    ['1D', 86_400_000],
    ['90000', 90_000_000],
    ['2000ms', 2000]
  ]
  for (const [input, ms] of rows) {
    t.equal(resolveOptions(withOption('accessToken.ttl', input)).accessToken.ttlMs, ms, String(input))
    t.equal(resolveOptions(withOption('refreshToken.ttl', '200d')).refreshToken.ttlMs, 17_280_000_000)
  }
  t.equal(resolveOptions({ ...required, storeTimeout: 0.25 }).storeTimeoutMs, 250)
  t.equal(resolveOptions({ ...required, storeTimeout: '1m' }).storeTimeoutMs, 60_000)
  t.equal(resolveOptions({ ...required, session: { ttl: '1h' } }).session.ttlMs, 3_600_000)
})

t.test('an invalid duration is rejected for each option with a duration', async (t) => {
  const paths = ['storeTimeout', 'accessToken.ttl', 'refreshToken.ttl', 'refreshToken.grace', 'session.ttl']
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number
  const invalid = [
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
  const notDurations = [null, true, [], ['1h'], {}, new Date(), 10n]
  for (const path of paths) {
    for (const value of [...invalid, ...notDurations]) {
      rejectsOption(
        t,
        withOption(path, value),
        path,
        /^must be (a duration: a number of seconds, or a string such as '15m'$|at most )/
      )
    }
  }
})

t.test('zero is allowed only for the grace period, and disables it', async (t) => {
  for (const zero of [0, '0', '0s', '0 minutes', '00']) {
    t.equal(resolveOptions(withOption('refreshToken.grace', zero)).refreshToken.graceMs, 0, String(zero))
    for (const path of ['storeTimeout', 'accessToken.ttl', 'refreshToken.ttl', 'session.ttl']) {
      rejectsOption(t, withOption(path, zero), path, /^must be at least /)
    }
  }
})

t.test('zero with an unknown unit is rejected', async (t) => {
  for (const input of ['0 elephants', '0x', '0 s s']) {
    rejectsOption(t, withOption('refreshToken.grace', input), 'refreshToken.grace')
  }
})

t.test('durations have a minimum and a maximum', async (t) => {
  const paths = ['accessToken.ttl', 'refreshToken.ttl', 'session.ttl']
  for (const path of paths) {
    rejectsOption(t, withOption(path, 1830 * day + 1), path, /^must be at most 1830 days$/)
    rejectsOption(t, withOption(path, '6 years'), path, /^must be at most 1830 days$/)
  }
  for (const path of paths) rejectsOption(t, withOption(path, '999ms'), path)
  t.equal(resolveOptions({ ...required, storeTimeout: '1ms' }).storeTimeoutMs, 1)
  rejectsOption(t, { ...required, storeTimeout: '61s' }, 'storeTimeout')
})

t.test('five years are valid in every unit', async (t) => {
  for (const ttl of [5 * year, `${5 * year}`, '5 years', '5y', '60 months', '1826d', '1827 days']) {
    t.ok(resolveOptions(withOption('session.ttl', ttl)).session.ttlMs >= 1826 * day * 1000, String(ttl))
    t.ok(resolveOptions(withOption('refreshToken.ttl', ttl)).refreshToken.ttlMs >= 1826 * day * 1000)
    t.ok(resolveOptions(withOption('accessToken.ttl', ttl)).accessToken.ttlMs >= 1826 * day * 1000)
  }
})

t.test('the default grace period is a tenth of the access token lifetime, at most 30 seconds', async (t) => {
  const graceOf = (accessToken: object, refreshToken = {}) =>
    resolveOptions({ ...required, accessToken, refreshToken }).refreshToken.graceMs
  t.equal(graceOf({ ttl: '1m' }), 6000)
  t.equal(graceOf({ ttl: '5m' }), 30_000)
  t.equal(graceOf({ ttl: '1h' }), 30_000)
  t.equal(graceOf({ ttl: '1h' }, { grace: '2m' }), 120_000)
})

t.test('three grace periods must be shorter than the lifetime of the access token', async (t) => {
  const input = (ttl: string, grace: string) => ({
    ...required,
    accessToken: { ttl },
    refreshToken: { grace }
  })
  t.equal(resolveOptions(input('90001ms', '30s')).refreshToken.graceMs, 30_000)
  rejectsOption(t, input('90s', '30s'), 'refreshToken.grace', /less than a third of accessToken\.ttl/)
  rejectsOption(t, input('5m', '2m'), 'refreshToken.grace')
})

t.test('the lifetime of the refresh token must exceed six grace periods', async (t) => {
  const input = (ttl: string, grace?: string) => ({
    ...required,
    refreshToken: { ttl, ...(grace !== undefined && { grace }) }
  })
  t.equal(resolveOptions(input('60001ms', '10s')).refreshToken.ttlMs, 60_001)
  rejectsOption(t, input('60s', '10s'), 'refreshToken.ttl', /more than six times refreshToken\.grace/)
  rejectsOption(t, input('3m'), 'refreshToken.ttl', /more than six times/)
  t.equal(resolveOptions(input('1s', '0')).refreshToken.ttlMs, 1000)
})

t.test('a cookie that browsers reject is an error', async (t) => {
  const input = (cookie: object) => ({ ...required, cookie })
  const host = /^may start with "__Host-" only if secure is true, path is "\/" and domain is not set$/
  rejectsOption(t, input({ domain: 'example.com' }), 'cookie.name', host)
  rejectsOption(t, input({ path: '/auth' }), 'cookie.name', host)
  rejectsOption(t, input({ secure: false }), 'cookie.name', host)
  rejectsOption(t, input({ name: '__Host-x', secure: false, path: '/auth' }), 'cookie.name', host)
  rejectsOption(
    t,
    input({ name: '__Secure-x', secure: false }),
    'cookie.name',
    /^may start with "__Secure-" only if secure is true$/
  )
  rejectsOption(
    t,
    input({ name: 'x', secure: false, sameSite: 'none' }),
    'cookie.secure',
    /^must be true when sameSite is "none"$/
  )
})

t.test('a partitioned cookie must be secure', async (t) => {
  const cookie = { name: 'x', secure: false, partitioned: true }
  rejectsOption(t, { ...required, cookie }, 'cookie.secure', /^must be true when partitioned is true$/)
  t.has(resolveOptions({ ...required, cookie: { partitioned: true } }).cookie, { partitioned: true })
})

t.test('an option of register that has no effect is rejected with a hint', async (t) => {
  rejects(
    t,
    { ...required, prefix: '/api' },
    'option "prefix" of register has no effect, use "routes.prefix"',
    /^$/
  )
  for (const name of ['logLevel', 'logSerializers']) {
    rejects(
      t,
      { ...required, [name]: 'warn' },
      `option "${name}" of register has no effect, set `,
      /"routes\.login"$/
    )
  }
})

t.test('several audiences are kept in their order', async (t) => {
  t.strictSame(resolveOptions(withOption('accessToken.audience', ['b', 'a'])).accessToken.audience, [
    'b',
    'a'
  ])
})

t.test('a cookie that browsers accept is valid', async (t) => {
  const cookies = [
    { sameSite: 'none' },
    { name: '__Secure-x', domain: 'example.com', path: '/auth' },
    { name: 'x', domain: '.example.com', path: '/a/b-c?d' },
    { name: 'x', domain: `${'a'.repeat(63)}.xn--bcher-kva.Example`, path: '/' },
    { name: 'x', secure: false, sameSite: 'lax' },
    { name: 'x__Host-', path: '/auth' }
  ]
  for (const cookie of cookies) t.has(resolveOptions({ ...required, cookie }).cookie, cookie)
})

t.test('cookie prefixes are case-insensitive', async (t) => {
  // RFC 6265bis, section 5.7: "begins with a case-insensitive match for the string".
  rejectsOption(t, { ...required, cookie: { name: '__HOST-x', path: '/auth' } }, 'cookie.name')
  rejectsOption(t, { ...required, cookie: { name: '__secure-x', secure: false } }, 'cookie.name')
})

t.test('a previous cookie has the name and path of the cookie, unless it names others', async (t) => {
  const cookie = {
    name: '__Secure-rt',
    path: '/auth',
    domain: 'example.com',
    previous: [{}, { path: '/' }, { name: 'rt', domain: 'a.example.com', partitioned: true }]
  }
  t.strictSame(resolveOptions({ ...required, cookie }).cookie.previous, [
    { name: '__Secure-rt', path: '/auth', domain: undefined, partitioned: false },
    { name: '__Secure-rt', path: '/', domain: undefined, partitioned: false },
    { name: 'rt', path: '/auth', domain: 'a.example.com', partitioned: true }
  ])
})

t.test('a previous cookie that a login would delete with the cookie is an error', async (t) => {
  const at = (cookie: object, previous: object) => ({
    ...required,
    cookie: { ...cookie, previous: [{ name: 'x' }, previous] }
  })
  const message = /^must be different from the cookie in its name, path, domain or partitioned$/
  rejectsOption(t, at({}, {}), 'cookie.previous[1]', message)
  rejectsOption(t, at({}, { name: '__Host-refresh_token', path: '/' }), 'cookie.previous[1]', message)
  const domain = { name: 'rt', domain: 'example.com' }
  rejectsOption(t, at(domain, { domain: '.EXAMPLE.com' }), 'cookie.previous[1]', message)
})

t.test('a previous cookie that a browser would not delete is an error', async (t) => {
  const at = (previous: unknown, cookie = {}) => ({
    ...required,
    cookie: { name: 'rt', ...cookie, previous: [previous] }
  })
  rejectsOption(t, at('old'), 'cookie.previous[0]', /^must be an object$/)
  rejectsOption(t, at({ path: 'auth' }), 'cookie.previous[0].path')
  for (const previous of [
    { name: '__Host-x', path: '/auth' },
    { name: '__Host-x', domain: 'example.com' }
  ]) {
    rejectsOption(t, at(previous), 'cookie.previous[0].name', /^may start with "__Host-" only if /)
  }
  rejectsOption(t, at({ name: '__Secure-x' }, { secure: false }), 'cookie.previous[0].name')
})

t.test('the two headers must have different names', async (t) => {
  rejectsOption(t, withOption('header.accessToken', 'X-Refresh-Token'), 'header.accessToken')
})

t.test('accessToken.jitter is at most half of the lifetime', async (t) => {
  t.equal(resolveOptions({ ...required, accessToken: { ttl: 10, jitter: 5 } }).accessToken.jitterMs, 5000)
  t.throws(() => resolveOptions({ ...required, accessToken: { ttl: 10, jitter: 6 } }), {
    message: 'option "accessToken.jitter" must be at most half of accessToken.ttl'
  })
})

t.test('session.maxPerUser and session.onLimit can be functions', async (t) => {
  const fn = () => 2
  t.match(resolveOptions({ ...required, session: { maxPerUser: fn, onLimit: fn } }).session, {
    maxPerUser: fn,
    onLimit: fn
  })
  t.throws(() => resolveOptions({ ...required, session: { maxPerUser: 0 } }), {
    message: 'option "session.maxPerUser" must be a whole number of at least 1'
  })
  t.throws(() => resolveOptions({ ...required, session: { onLimit: 'evict' } }), {
    message: "option \"session.onLimit\" must be 'evict-oldest' or 'reject'"
  })
})

t.test('routes.stepUp takes a maximum age and one or more classes', async (t) => {
  const stepUp = (value: unknown) => resolveOptions({ ...required, routes: { stepUp: value } }).routes.stepUp
  t.strictSame(stepUp({ maxAge: '5m' }), { maxAgeMs: 300_000, acr: [] })
  t.strictSame(stepUp({ acr: 'otp' }), { maxAgeMs: undefined, acr: ['otp'] })
  t.strictSame(stepUp({ maxAge: 60, acr: ['otp', 'passkey'] }), { maxAgeMs: 60_000, acr: ['otp', 'passkey'] })
  t.throws(() => stepUp({ acr: ['otp', 'a b'] }), {
    message: /^option "routes\.stepUp\.acr\[1\]" must be 1 to 64/
  })
  t.throws(() => stepUp({ age: 1 }), { message: /^unknown option "routes\.stepUp\.age"/ })
})

t.test('accessToken.jitter leaves room for the cooldown', async (t) => {
  const options = { ...required, accessToken: { ttl: '5m', jitter: '150s' }, refreshToken: { grace: '95s' } }
  t.throws(() => resolveOptions(options), {
    message: /less than a third of accessToken\.ttl minus accessToken\.jitter/
  })
})
