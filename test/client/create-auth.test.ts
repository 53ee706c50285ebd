import { mock } from 'node:test'
import t from 'tap'
import { createAuth } from '../../lib/client/index.js'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import { deferred } from '../support/timers.js'
import { jwtOf, tokenFor } from './support/jwt.js'
import { catchMicrotaskErrors } from './support/microtask-errors.js'
import {
  expired,
  json,
  networkError,
  ScriptedServer,
  unauthorized,
  unavailable
} from './support/scripted-server.js'
import { loggedIn, MemoryStorage, ORIGIN, openBrowser } from './support/tab.js'

const ADA = {
  sub: 'ada',
  sid: 's1',
  name: 'Ada Lovelace ❤',
  roles: ['admin'],
  iat: 1,
  exp: 2,
  gen: 3,
  jti: 'x'
}
const USER = { sub: 'ada', sid: 's1', name: 'Ada Lovelace ❤', roles: ['admin'] }
const noToken = () => unauthorized('FRT_ERR_NO_REFRESH_TOKEN')
const down = () => unavailable()
const stepUp = () =>
  unauthorized(
    'FRT_ERR_INSUFFICIENT_AUTHENTICATION',
    'Bearer realm="api", error="insufficient_user_authentication", acr_values="otp"'
  )

t.test('the snapshot is unknown, then authenticated with the claims of the user', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  t.same(auth.snapshot(), { status: 'unknown', user: null, reason: null })
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  t.same(auth.snapshot(), { status: 'authenticated', user: USER, reason: null })
})

t.test('the snapshot is the same object while nothing changes, also after a refresh', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const listener = mock.fn()
  auth.subscribe(listener)
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  const before = auth.snapshot()
  await time.pass(301_000)
  server.script('/auth/refresh', tokenFor({ ...ADA, iat: 301, exp: 601, gen: 4, jti: 'y' }))
  await time.until(auth.getAccessToken())
  t.equal(auth.snapshot(), before)
  t.equal(listener.mock.callCount(), 1)

  await time.pass(301_000)
  server.script('/auth/refresh', tokenFor({ ...ADA, roles: [] }))
  await time.until(auth.getAccessToken())
  t.match(auth.snapshot().user, { roles: [] }, 'changed claims are shown')
  t.equal(listener.mock.callCount(), 2)
})

t.test('the snapshot cannot be changed', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  const snapshot = auth.snapshot()
  const user = snapshot.user as unknown as { name: string; roles: string[] }
  t.throws(() => Object.assign(snapshot, { status: 'anonymous' }), TypeError)
  t.throws(() => Object.assign(user, { name: 'Mallory' }), TypeError)
  t.throws(() => user.roles.push('root'), TypeError)
})

t.test('the snapshot shows why there is no session', async (t) => {
  for (const [reply, reason] of [
    [noToken, 'FRT_ERR_NO_REFRESH_TOKEN'],
    [() => unauthorized('FRT_ERR_REFRESH_TOKEN_REUSED'), 'FRT_ERR_REFRESH_TOKEN_REUSED']
  ] as const) {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    server.script('/auth/refresh', reply)
    t.same(await time.until(auth.restore()), { status: 'anonymous', user: null, reason })
  }
})

t.test('the snapshot is unavailable during an outage, keeps the user, and recovers', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/refresh', down, down, down)
  t.same(await time.until(auth.restore()), {
    ...{ status: 'unavailable', user: null, reason: 'FRT_ERR_CLIENT_UNAVAILABLE' }
  })
  server.script('/auth/refresh', tokenFor(ADA))
  t.match(await time.until(auth.restore()), { status: 'authenticated' })

  await time.pass(280_000)
  server.script('/auth/refresh', down, down, down)
  await time.until(auth.getAccessToken())
  t.equal(auth.snapshot().status, 'authenticated', 'the token is still valid')
  await time.pass(30_000)
  server.script('/auth/refresh', down, down, down)
  await t.rejects(time.until(auth.getAccessToken()), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
  t.match(auth.snapshot(), { status: 'unavailable', user: USER })
  server.script('/auth/refresh', tokenFor(ADA))
  await time.until(auth.getAccessToken())
  t.same(auth.snapshot(), { status: 'authenticated', user: USER, reason: null })
  t.same(ends, [])
})

t.test(
  'listeners are called for logins, logouts and users of other tabs, until they unsubscribe',
  async (t) => {
    const { open, server, time } = openBrowser(t)
    const [one, two] = [open(), open()]
    const seen: unknown[] = []
    const unsubscribe = one.auth.subscribe(() => seen.push(one.auth.snapshot().user?.sub))
    server.script('/auth/login', tokenFor({ sub: 'ada' }), tokenFor({ sub: 'bob' }))
    await time.until(two.auth.login({ n: 1 }))
    await time.until(two.auth.login({ n: 2 }))
    await time.until(two.auth.logout())
    t.same(seen, ['ada', 'bob', undefined])
    unsubscribe()
    await time.until(two.auth.login({ n: 3 }))
    t.equal(seen.length, 3)
  }
)

t.test('an error in a listener does not affect the client', async (t) => {
  const { open, time } = openBrowser(t)
  const { auth } = open()
  const errors = catchMicrotaskErrors(t)
  auth.subscribe(() => {
    throw new Error('of the application')
  })
  t.equal((await time.until(auth.login({}))).status, 200)
  t.match(errors, [{ message: 'of the application' }])
})

t.test('a token that is not a JWT has no claims', async (t) => {
  const { auth } = await loggedIn(t)
  t.same(auth.snapshot(), { status: 'authenticated', user: {}, reason: null })
})

t.test('restore after a page load shares the refresh of the first calls', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  await time.until(Promise.all([auth.restore(), auth.fetch('/me'), auth.restore()]))
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('restore finds a login that this client did not make, and tells the other tabs', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/refresh', noToken, noToken)
  await time.until(Promise.all([one.auth.restore(), two.auth.restore()]))
  server.script('/auth/refresh', tokenFor(ADA))
  t.same(await time.until(one.auth.restore()), { status: 'authenticated', user: USER, reason: null })
  t.match(two.auth.snapshot(), { status: 'authenticated' })
})

t.test('restore after a login of another user in a popup reports the change', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  server.script('/auth/refresh', tokenFor({ sub: 'bob', sid: 's2' }))
  t.match(await time.until(auth.restore()), { user: { sub: 'bob' }, reason: 'user-changed' })
  t.same(ends, ['user-changed'])
})

t.test('restore in a new tab does not undo a logout in progress in another tab', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const late = deferred<Response>()
  server.script('/auth/logout', () => late.promise)
  const logout = auth.logout()
  await time.settle()
  await time.until(open().auth.restore())
  late.resolve(json(200, {}))
  await time.until(logout)
  t.equal(auth.snapshot().status, 'anonymous')
})

t.test('restore during a login waits for it, and does not revoke its session', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  let isLoggedIn = false
  server.script('/auth/refresh', noToken, () => (isLoggedIn ? server.issue() : noToken()))
  await time.until(auth.restore())
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = auth.login({})
  await time.settle()
  const restored = auth.restore()
  await time.settle()
  isLoggedIn = true
  late.resolve(server.issue())
  t.equal((await time.until(login)).status, 200)
  t.match(await time.until(restored), { status: 'authenticated' })
  t.equal(server.count('/auth/logout'), 0)
  t.same(ends, [])
})

t.test('restore continues after a login that fails', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', networkError)
  const login = auth.login({})
  const restored = auth.restore()
  await t.rejects(time.until(login))
  t.match(await time.until(restored), { status: 'authenticated' })
})

t.test('a session that ended in another tab during a login does not cancel the login', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = one.auth.login({ n: 1 })
  await time.settle()
  await time.until(two.auth.login({ n: 2 }))
  server.expire()
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_SESSION_REVOKED'))
  await time.until(one.auth.fetch('/me'))
  t.equal(one.auth.snapshot().status, 'anonymous')
  late.resolve(server.issue())
  await time.until(login)
  t.equal(one.auth.snapshot().status, 'authenticated')
  t.equal(server.count('/auth/logout'), 0)
})

t.test('restore keeps a token that is valid if the server is unavailable', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const listener = mock.fn()
  auth.subscribe(listener)
  server.script('/auth/refresh', down, down, down)
  t.match(await time.until(auth.restore()), { status: 'authenticated' })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(listener.mock.callCount(), 0)
})

t.test('a page after a redirect from a login tells the tabs that show the login form', async (t) => {
  const { open, server, time } = openBrowser(t)
  const one = open()
  server.script('/auth/refresh', noToken, tokenFor(ADA))
  await time.until(one.auth.restore())
  const two = open()
  await time.until(two.auth.restore({ afterLogin: true }))
  t.match(one.auth.snapshot(), { status: 'authenticated', user: USER })
})

t.test('a restore that fails is not sent to the other tabs as a login', async (t) => {
  const { auth, channels, server, time } = await loggedIn(t)
  channels.messages.length = 0
  server.script('/auth/refresh', down, down, down)
  await time.until(auth.restore({ afterLogin: true }))
  t.same(channels.messages, [])
})

t.test('restore sends a logout that the server has not confirmed, without the cookie', async (t) => {
  for (const storage of [undefined, new MemoryStorage()]) {
    const { auth, server, time } = await loggedIn(t, { transport: storage && bodyTransport(storage) })
    server.script('/auth/logout', down, down, down)
    await t.rejects(time.until(auth.logout()))
    server.script('/auth/refresh', noToken)
    t.match(await time.until(auth.restore()), { status: 'anonymous' })
    const last = server.callsTo('/auth/logout').at(-1)
    t.equal(last?.headers.get('authorization'), 'Bearer token-1')
    t.equal(last?.init?.credentials, 'omit', 'the cookie may be that of a login in a popup')
    t.equal(last?.body, storage ? '{"refresh_token":"refresh-1"}' : '')
    t.equal(server.count('/auth/logout'), 4)
    await time.until(auth.restore())
    t.equal(server.count('/auth/logout'), 4, 'it is sent once')
  }
})

t.test('restore does not restore a session while its logout is not confirmed', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', ...Array.from({ length: 6 }, () => down))
  await t.rejects(time.until(auth.logout()))
  t.same(await time.until(auth.restore()), { status: 'anonymous', user: null, reason: 'logout' })
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('restore waits for a logout of its own tab', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const late = deferred<Response>()
  server.script('/auth/logout', () => late.promise)
  const logout = auth.logout()
  const restored = auth.restore()
  await time.settle()
  t.equal(server.count('/auth/refresh'), 0)
  server.script('/auth/refresh', noToken)
  late.resolve(json(200, {}))
  await time.until(Promise.all([logout, restored]))
  t.equal(auth.snapshot().status, 'anonymous')
})

t.test('logoutAll revokes all sessions with the access token, then logs out everywhere', async (t) => {
  for (const storage of [undefined, new MemoryStorage()]) {
    const transport = storage && bodyTransport(storage)
    const { auth, server, time, ends } = await loggedIn(t, { transport })
    server.script('/auth/logout-all', () => json(200, { revoked: 3 }))
    await time.until(auth.logoutAll())
    t.equal(server.callsTo('/auth/logout-all')[0]?.headers.get('authorization'), 'Bearer token-1')
    t.same(ends, ['logout'])
    t.equal(auth.snapshot().status, 'anonymous')
    if (storage) t.equal(storage.value, null)
  }
})

t.test('a failed logoutAll keeps the session and names status, code and address', async (t) => {
  for (const [reply, message] of [
    [down, 'POST https://api.example.com/auth/logout-all: 503 FRT_ERR_STORE_UNAVAILABLE'],
    [networkError, 'POST https://api.example.com/auth/logout-all: no response'],
    [() => new Response('<h1>Wi-Fi</h1>'), 'POST https://api.example.com/auth/logout-all: 200']
  ] as const) {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/auth/logout-all', reply)
    await t.rejects(time.until(auth.logoutAll()), { code: 'FRT_ERR_CLIENT_UNAVAILABLE', message })
    t.same(ends, [])
    t.equal(auth.snapshot().status, 'authenticated')
  }
})

t.test('logoutAll refreshes an access token that the server rejects', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout-all', expired, () => json(200, { revoked: 1 }))
  await time.until(auth.logoutAll())
  t.equal(server.callsTo('/auth/logout-all')[1]?.headers.get('authorization'), 'Bearer token-2')
  t.equal(auth.snapshot().status, 'anonymous')
})

t.test('logoutAll rejects if the server rejects the new access token too', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout-all', expired, expired)
  await t.rejects(time.until(auth.logoutAll()), { message: /401 FRT_ERR_ACCESS_TOKEN_EXPIRED$/ })
  t.equal(auth.snapshot().status, 'authenticated')
})

t.test('a failed logoutAll or logoutOthers names the code, and does not refresh for step-up', async (t) => {
  for (const method of ['logoutAll', 'logoutOthers'] as const) {
    const path = method === 'logoutAll' ? '/auth/logout-all' : '/auth/logout-others'
    for (const [reply, serverCode] of [
      [stepUp, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION'],
      [
        () => json(401, { code: 'FRT_ERR_INSUFFICIENT_AUTHENTICATION' }),
        'FRT_ERR_INSUFFICIENT_AUTHENTICATION'
      ],
      [down, 'FRT_ERR_STORE_UNAVAILABLE'],
      [networkError, undefined]
    ] as const) {
      const { auth, server, time, ends } = await loggedIn(t)
      server.script(path, reply)
      await t.rejects(time.until(auth[method]()), { code: 'FRT_ERR_CLIENT_UNAVAILABLE', serverCode })
      t.same(server.paths, ['/auth/login', path])
      t.same(ends, [])
      t.equal(auth.snapshot().status, 'authenticated')
    }
  }
})

t.test('logoutOthers revokes the other sessions with the access token, and keeps this one', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.script('/auth/logout-others', () => json(200, { revoked: 2 }))
  t.equal(await time.until(auth.logoutOthers()), undefined)
  t.equal(server.callsTo('/auth/logout-others')[0]?.headers.get('authorization'), 'Bearer token-1')
  t.same(server.paths, ['/auth/login', '/auth/logout-others'])
  t.same(ends, [])
  t.equal(auth.snapshot().status, 'authenticated')
})

t.test('logoutOthers refreshes an access token that the server rejects', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout-others', expired, () => json(200, { revoked: 1 }))
  await time.until(auth.logoutOthers())
  t.equal(server.callsTo('/auth/logout-others')[1]?.headers.get('authorization'), 'Bearer token-2')
})

t.test('logoutOthers concerns only the user who called it', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  server.script('/auth/logout-others', expired)
  server.script('/auth/refresh', tokenFor({ sub: 'bob' }))
  await t.rejects(time.until(auth.logoutOthers()), { message: /401/ })
  t.equal(server.count('/auth/logout-others'), 1, 'the token of bob is not sent')
})

t.test('an adopted access token is used in all tabs, until the previous one would expire', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/login', tokenFor(ADA))
  await time.until(one.auth.login({}))
  const seen: unknown[] = []
  two.auth.subscribe(() => seen.push(two.auth.snapshot().user?.acr))
  await time.pass(100_000)
  // The server rounds the lifetime down.
  const body = { access_token: jwtOf({ ...ADA, acr: 'otp' }), token_type: 'Bearer', expires_in: 199 }
  t.equal(await time.until(one.auth.adoptAccessToken(body)), true)
  t.equal(one.auth.snapshot().user?.acr, 'otp')
  t.same(seen, ['otp'])
  for (const { auth } of [one, two]) t.equal(await time.until(auth.getAccessToken()), body.access_token)
  t.equal(server.count('/auth/refresh'), 0)

  await time.pass(199_000)
  server.script('/auth/refresh', tokenFor(ADA))
  for (const { auth } of [one, two]) t.equal(await time.until(auth.getAccessToken()), jwtOf(ADA))
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('an adopted access token does not last longer than the previous one', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(100_000)
  // The response was read late, for example by a suspended tab.
  await time.until(auth.adoptAccessToken({ access_token: 'adopted', expires_in: 290 }))
  t.equal(await time.until(auth.getAccessToken({ minValidity: 190 })), 'adopted')
  await time.pass(200_000)
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('an adopted access token keeps the margin and the required validity of refreshed ones', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(250_000)
  await time.until(auth.adoptAccessToken({ access_token: 'adopted', expires_in: 50 }))
  t.equal(await time.until(auth.getAccessToken()), 'adopted')
  t.equal(await time.until(auth.getAccessToken({ minValidity: 60 })), 'token-2')
  t.equal(server.count('/auth/refresh'), 1)
})

t.test(
  'a refresh in progress does not replace an adopted access token, with and without locks',
  async (t) => {
    const refreshed = () => json(200, { access_token: 'refreshed', expires_in: 300 })
    const failed = () => json(400, {})
    for (const [reply, options] of [
      [refreshed, {}],
      [failed, {}],
      [refreshed, { channel: false }]
    ] as const) {
      const { auth, server, time } = await loggedIn(t, options)
      await time.pass(280_000)
      const late = deferred<Response>()
      server.script('/auth/refresh', () => late.promise)
      await time.until(auth.fetch('/me'))
      t.equal(server.count('/auth/refresh'), 1, 'it runs beside the request')
      const adopted = auth.adoptAccessToken({ access_token: 'adopted', expires_in: 20 })
      await time.settle()
      late.resolve(reply())
      t.equal(await time.until(adopted), true)
      server.valid.add('adopted')
      t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'adopted' })
      await time.settle()
      t.equal(server.count('/auth/refresh'), 2, 'the adopted token expires soon')
    }
  }
)

t.test('an access token of another user, or of a session that has ended, is not adopted', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  const body = { access_token: jwtOf(ADA), token_type: 'Bearer', expires_in: 300 }
  server.script('/auth/login', tokenFor({ sub: 'bob' }))
  t.equal(await time.until(one.auth.adoptAccessToken(body)), false, 'no user is known')
  await time.until(one.auth.login({}))
  t.equal(await time.until(one.auth.adoptAccessToken(body)), false)
  await time.until(two.auth.logout())
  t.equal(await time.until(one.auth.adoptAccessToken(body)), false)
  for (const { auth } of [one, two]) t.equal(auth.snapshot().status, 'anonymous')
  t.equal(server.count('/auth/refresh'), 0)

  const opaque = await loggedIn(t)
  await opaque.time.until(opaque.auth.logout())
  t.equal(
    await opaque.time.until(opaque.auth.adoptAccessToken({ access_token: 'x', expires_in: 300 })),
    false
  )
})

t.test('an access token of a session that was replaced is not adopted', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const [first, second] = [
    { ...ADA, sid: 'first' },
    { ...ADA, sid: 'second' }
  ]
  server.script('/auth/login', tokenFor(first), tokenFor(second))
  await time.until(auth.login({ n: 1 }))
  await time.until(auth.logout())
  await time.until(auth.login({ n: 2 }))
  const adopt = (claims: object) =>
    time.until(auth.adoptAccessToken({ access_token: jwtOf(claims), expires_in: 300 }))
  t.equal(await adopt(first), false)
  t.equal(await time.until(auth.getAccessToken()), jwtOf(second))
  t.equal(await adopt({ ...second, acr: 'otp' }), true)
})

t.test('a request that is rejected while an access token waits for the lock refreshes', async (t) => {
  const { open, server, time } = openBrowser(t)
  const free = deferred<void>()
  const locks = {
    request: async (_name: string, _options: object, work: () => Promise<unknown>) => {
      await free.promise
      return work()
    }
  }
  const { auth } = open(undefined, { locks: locks as never })
  server.script('/auth/login', tokenFor(ADA))
  await time.until(auth.login({}))
  server.script('/auth/refresh', tokenFor({ ...ADA, n: 2 }))
  const adopted = auth.adoptAccessToken({ access_token: jwtOf({ ...ADA, acr: 'otp' }), expires_in: 200 })
  server.script('/me', expired, () => json(200, {}))
  const response = auth.fetch('/me')
  await time.settle()
  free.resolve()
  t.equal((await time.until(response)).status, 200)
  t.equal(await time.until(adopted), true)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('an adopted access token ends an outage', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(301_000)
  server.script('/auth/refresh', down, down, down)
  await t.rejects(time.until(auth.getAccessToken()))
  t.equal(await time.until(auth.adoptAccessToken({ access_token: 'adopted', expires_in: 100 })), true)
  t.equal(auth.snapshot().status, 'authenticated')
  t.equal(await time.until(auth.getAccessToken()), 'adopted')
})

t.test('a body without an access token is not adopted', async (t) => {
  const { auth, time } = await loggedIn(t)
  for (const body of [
    undefined,
    null,
    'token',
    {},
    new Response(),
    { access_token: 'x' },
    { access_token: 'x', expires_in: '300' },
    { expires_in: 300 }
  ]) {
    await t.rejects(time.until(auth.adoptAccessToken(body)), TypeError)
  }
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
})

t.test('logoutAll without a session rejects, and does not refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.until(auth.logout())
  server.script('/auth/logout-all', () => unauthorized('FRT_ERR_NO_ACCESS_TOKEN'))
  await t.rejects(time.until(auth.logoutAll()), { message: /401 FRT_ERR_NO_ACCESS_TOKEN$/ })
  t.equal(server.count('/auth/refresh'), 0)
})

t.test('logoutAll resolves after all sessions are revoked, even if the logout fails', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout-all', () => json(200, { revoked: 3 }))
  server.script('/auth/logout', down, down, down)
  await time.until(auth.logoutAll())
  t.equal(auth.snapshot().status, 'anonymous')
})

t.test('logoutAll concerns only the user who called it', async (t) => {
  const { open, server, time } = openBrowser(t)
  const [one, two] = [open(), open()]
  server.script('/auth/login', tokenFor(ADA), tokenFor({ sub: 'bob' }), tokenFor(ADA))
  await time.until(one.auth.login({ n: 1 }))
  const late = deferred<Response>()
  server.script('/auth/logout-all', () => late.promise)
  const logoutAll = one.auth.logoutAll()
  await time.settle()
  await time.until(two.auth.login({ n: 2 }))
  late.resolve(json(200, { revoked: 1 }))
  await time.until(logoutAll)
  t.match(two.auth.snapshot(), { user: { sub: 'bob' } }, 'bob has logged in meanwhile')
  t.equal(server.count('/auth/logout'), 0)

  await time.until(one.auth.login({ n: 3 }))
  server.script('/auth/logout-all', expired)
  server.script('/auth/refresh', tokenFor({ sub: 'bob' }))
  await t.rejects(time.until(one.auth.logoutAll()), { message: /401/ })
  t.equal(server.count('/auth/logout-all'), 2, 'the token of bob is not sent')
})

t.test('a listener is called once for each of its subscriptions, and not after it was removed', async (t) => {
  const { auth, time } = await loggedIn(t)
  const listener = mock.fn()
  const unsubscribe = [auth.subscribe(listener), auth.subscribe(listener)]
  unsubscribe[0]?.()
  const logout = auth.logout()
  await time.until(logout)
  t.equal(listener.mock.callCount(), 1)
  const login = auth.login({})
  auth.subscribe(() => unsubscribe[1]?.())
  const last = mock.fn()
  const stop = auth.subscribe(last)
  await time.until(login)
  t.equal(last.mock.callCount(), 1)
  const again = auth.logout()
  stop()
  await time.until(again)
  t.equal(last.mock.callCount(), 1, 'it was removed before its call')
})

t.test('createAuth uses the runtime', async (t) => {
  const { fetch } = new ScriptedServer()
  const auth = createAuth<{ sub: string }>({ baseUrl: ORIGIN, fetch })
  await auth.login({})
  t.equal(auth.snapshot().status, 'authenticated')
  await auth.logout()
  t.equal(auth.snapshot().status, 'anonymous')
})
