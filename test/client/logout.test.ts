import t from 'tap'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import { deferred } from '../support/timers.js'
import { tokenFor } from './support/jwt.js'
import { catchMicrotaskErrors } from './support/microtask-errors.js'
import {
  json,
  networkError,
  type ScriptedServer,
  unauthorized,
  unavailable
} from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser, START_MS } from './support/tab.js'

const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

/** The access token and the credentials mode of each logout. */
const logoutsOf = (server: ScriptedServer) =>
  server.callsTo('/auth/logout').map(({ headers, init }) => [headers.get('authorization'), init?.credentials])

t.test('a logout during a refresh wins, and the response of the refresh is dropped', async (t) => {
  const { auth, server, time, ends, channels } = await loggedIn(t)
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  const logout = auth.logout()
  late.resolve(server.issue())
  t.equal((await time.until(waiting)).status, 401)
  await time.until(logout)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
  t.same(channels.messages.slice(1), [{ type: 'logout' }], 'other tabs do not receive its token')
})

t.test('a logout is sent with keepalive, so that the page may close', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.until(auth.logout())
  t.equal(server.callsTo('/auth/logout')[0]?.init?.keepalive, true)
})

t.test('a logout during a refresh wins over a terminal 401, and the reason is the logout', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  const logout = auth.logout()
  late.resolve(unauthorized('FRT_ERR_SESSION_REVOKED'))
  await time.until(Promise.all([waiting, logout]))
  t.same(ends, ['logout'])
})

t.test('a logout during a refresh wins even if fetch ignores the abort', async (t) => {
  const { open, server, time, channels } = openBrowser(t)
  const { auth } = open({}, { fetch: (input, init) => server.fetch(input, { ...init, signal: null }) })
  await time.until(auth.login({ sub: 'ada' }))
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  const logout = auth.logout()
  await time.settle()
  late.resolve(server.issue())
  t.equal((await time.until(waiting)).status, 401)
  await time.until(logout)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(channels.messages.slice(1), [{ type: 'logout' }])
})

t.test('a logout in another tab during a refresh wins', async (t) => {
  const { open, auth, server, time, ends } = await loggedIn(t)
  const other = open()
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(other.auth.logout())
  late.resolve(server.issue())
  t.equal((await time.until(waiting)).status, 401)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
})

t.test('a call that waits for a refresh stops waiting after a logout', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Promise(() => {}))
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(auth.logout())
  t.equal((await time.until(waiting)).status, 401)
  t.equal(time.nowMs, 0)
})

t.test('a late token message of another tab does not restore the session', async (t) => {
  const { auth, channels, time, ends } = await loggedIn(t)
  await time.until(auth.logout())
  const other = channels.open('fastify-refresh-token https://api.example.com/auth ')
  other.postMessage({ type: 'token', value: 'late', lifetimeMs: 300_000, expiresAt: START_MS + 300_000 })
  await time.settle()
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
})

t.test('a logout during a login wins, and the new session is revoked', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = auth.logout()
  await time.settle()
  t.equal(server.count('/auth/logout'), 0, 'it waits for the login, whose session it revokes')
  late.resolve(server.issue())
  await time.until(Promise.all([login, logout]))
  t.ok(server.count('/auth/logout') > 0)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
})

t.test('a logout during a login wins in body mode', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage()
  const { auth } = open({ transport: bodyTransport(storage) })
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = auth.logout()
  late.resolve(server.issue())
  await time.until(Promise.all([login, logout]))
  t.equal(storage.value, null)
  t.ok(server.callsTo('/auth/logout').some(({ body }) => body === '{"refresh_token":"refresh-1"}'))
})

t.test('a failed login does not prevent a logout', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', networkError)
  const login = auth.login({ sub: 'ada' })
  await time.until(Promise.all([t.rejects(login, UNAVAILABLE), auth.logout()]))
  t.equal(server.count('/auth/logout'), 1)
})

t.test('the last of two parallel logins to respond wins, because the browser has its cookie', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const first = auth.login({ sub: 'ada' })
  await time.until(auth.login({ sub: 'bob' }))
  late.resolve(json(200, { access_token: 'of ada', expires_in: 300 }))
  t.equal((await time.until(first)).status, 200)
  t.equal(await time.until(auth.getAccessToken()), 'of ada')
  t.equal(server.count('/auth/logout'), 0)
})

t.test('the last of two logins in two tabs to respond wins', async (t) => {
  const { open, server, time } = openBrowser(t)
  const one = open()
  const two = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const first = one.auth.login({ sub: 'ada' })
  await time.until(two.auth.login({ sub: 'bob' }))
  late.resolve(json(200, { access_token: 'of ada', expires_in: 300 }))
  await time.until(first)
  for (const { auth } of [one, two]) t.equal(await time.until(auth.getAccessToken()), 'of ada')
})

t.test('a logout in another tab during a login wins, and the new session is revoked', async (t) => {
  const { open, server, time } = openBrowser(t)
  const one = open()
  const two = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = one.auth.login({ sub: 'ada' })
  await time.until(two.auth.logout())
  late.resolve(server.issue())
  t.equal((await time.until(login)).status, 200)
  t.equal(server.callsTo('/auth/logout').at(-1)?.headers.get('authorization'), 'Bearer token-1')
  t.equal(await time.until(one.auth.getAccessToken()), null)
})

t.test('a terminal 401 of the previous session does not end the session after a login', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(auth.login({ sub: 'bob' }))
  late.resolve(unauthorized('FRT_ERR_SESSION_REVOKED'))
  t.equal((await time.until(waiting)).status, 200, 'retried with the new token')
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
  t.same(ends, [])
})

t.test('a terminal 401 of the previous session does not cancel a login in progress', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  const refresh = deferred<Response>()
  const login = deferred<Response>()
  server.script('/auth/refresh', () => refresh.promise)
  server.script('/auth/login', () => login.promise)
  const restoring = auth.getAccessToken()
  const loggingIn = auth.login({ sub: 'ada' })
  await time.settle()
  refresh.resolve(unauthorized('FRT_ERR_NO_REFRESH_TOKEN'))
  t.equal(await time.until(restoring), null)
  login.resolve(server.issue())
  t.equal((await time.until(loggingIn)).status, 200)
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(ends, [])
})

t.test(
  'a login aborts a refresh in progress, so that an old cookie cannot replace the new one',
  async (t) => {
    const { auth, server, time } = await loggedIn(t)
    server.expire()
    let isAborted = false
    server.script('/auth/refresh', ({ signal }) => {
      signal.addEventListener('abort', () => {
        isAborted = true
      })
      return new Promise(() => {})
    })
    const waiting = auth.fetch('/me')
    await time.settle()
    await time.until(auth.login({ sub: 'bob' }))
    t.ok(isAborted)
    t.equal((await time.until(waiting)).status, 200)
    t.equal(time.nowMs, 0)
  }
)

t.test('a logout sends the access token, which identifies the session without a cookie', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.until(auth.logout())
  const [call] = server.callsTo('/auth/logout')
  t.equal(call?.method, 'POST')
  t.equal(call?.headers.get('authorization'), 'Bearer token-1')
  t.equal(call?.init?.credentials, 'include')
  t.equal(call?.body, '')
})

t.test('a failed logout is retried, then rejects, and the local session ends immediately', async (t) => {
  for (const reply of [networkError, () => unavailable('1'), () => json(403, {})]) {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/auth/logout', reply, reply, reply)
    const logout = auth.logout()
    t.equal(auth.snapshot().status, 'anonymous')
    await t.rejects(time.until(logout), UNAVAILABLE)
    t.same(ends, ['logout'])
    t.equal(server.count('/auth/logout'), 3)
    t.equal(await time.until(auth.getAccessToken()), null)
  }
})

t.test('a failed logout can be repeated, and then revokes the same session', async (t) => {
  for (const storage of [undefined, new MemoryStorage()]) {
    const transport = storage && bodyTransport(storage)
    const { auth, server, time, ends } = await loggedIn(t, { transport })
    server.script('/auth/logout', networkError, networkError, networkError)
    await t.rejects(time.until(auth.logout()), UNAVAILABLE)
    await time.until(auth.logout())
    const last = server.callsTo('/auth/logout').at(-1)
    t.equal(last?.headers.get('authorization'), 'Bearer token-1')
    if (storage) t.same(JSON.parse(last?.body ?? ''), { refresh_token: 'refresh-1' })
    t.same(ends, ['logout'])
  }
})

t.test(
  'a login waits for a logout that is retried, so that the logout does not send the new cookie',
  async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/auth/logout', networkError)
    const logout = auth.logout()
    await time.settle()
    const login = auth.login({ sub: 'bob' })
    await time.until(Promise.all([logout, login]))
    t.same(server.paths.slice(1), ['/auth/logout', '/auth/logout', '/auth/login'])
    t.equal(await time.until(auth.getAccessToken()), 'token-2')
    t.same(ends, ['logout'])
  }
)

t.test(
  'a logout that is retried after a login in another tab sends the access token without the new cookie',
  async (t) => {
    const { open, auth, server, time } = await loggedIn(t)
    const other = open()
    server.script('/auth/logout', networkError)
    const logout = auth.logout()
    await time.settle()
    await time.until(other.auth.login({ sub: 'bob' }))
    await time.until(logout)
    t.same(logoutsOf(server), [
      ['Bearer token-1', 'include'],
      ['Bearer token-1', 'omit']
    ])
    t.equal(await time.until(auth.getAccessToken()), 'token-2')
  }
)

t.test('a logout rejects after a login in another tab if the server does not confirm it', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  server.script('/auth/logout', networkError, networkError, networkError)
  const logout = auth.logout()
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  await t.rejects(time.until(logout), UNAVAILABLE)
})

t.test('a logout that waits for a login does not log out another tab that logs in meanwhile', async (t) => {
  for (const storage of [undefined, new MemoryStorage(null, 'local')]) {
    const { open, auth, server, time } = await loggedIn(t, { transport: storage && bodyTransport(storage) })
    const other = open({ transport: storage && bodyTransport(storage) })
    const late = deferred<Response>()
    server.script('/auth/login', () => late.promise)
    const login = auth.login({ sub: 'eve' })
    await time.settle()
    const logout = auth.logout()
    await time.settle()
    await time.until(other.auth.login({ sub: 'bob' }))
    late.resolve(json(401, { code: 'FRT_ERR_INVALID_CREDENTIALS' }))
    await time.until(Promise.all([login, logout]))
    t.same(logoutsOf(server), [['Bearer token-1', 'omit']])
    t.equal(await time.until(other.auth.getAccessToken()), 'token-2')
    if (storage) {
      t.equal(storage.value, 'refresh-2')
      t.equal(server.callsTo('/auth/logout')[0]?.body, '')
    }
  }
})

t.test(
  'two logouts at an unavailable server both reject, and the next one sends the access token',
  async (t) => {
    const { open, auth, server, time } = await loggedIn(t)
    const other = open()
    server.script('/auth/logout', ...Array.from({ length: 9 }, () => () => unavailable()))
    const logouts = [auth.logout()]
    await time.pass(100)
    logouts.push(auth.logout(), other.auth.logout())
    for (const { status } of await time.until(Promise.allSettled(logouts))) t.equal(status, 'rejected')
    t.equal(server.count('/auth/logout'), 9)
    await time.until(auth.logout())
    t.same(logoutsOf(server).at(-1), ['Bearer token-1', 'include'])
  }
)

t.test('a logout that is confirmed late does not forget the session of a later logout', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  const late = deferred<Response>()
  server.script('/auth/logout', () => late.promise, networkError, networkError, networkError)
  const first = auth.logout()
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  const second = auth.logout()
  await time.settle()
  late.resolve(json(200, {}))
  await time.until(Promise.all([first, t.rejects(second, UNAVAILABLE)]))
  await time.until(auth.logout())
  t.equal(logoutsOf(server).at(-1)?.[0], 'Bearer token-2')
})

t.test('a login after a failed logout succeeds', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', networkError, networkError, networkError)
  const logout = auth.logout()
  const login = auth.login({ sub: 'bob' })
  await time.until(Promise.all([t.rejects(logout, UNAVAILABLE), login]))
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
})

t.test('a logout whose response is lost is sent again and resolves', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', networkError)
  await time.until(auth.logout())
  t.equal(server.count('/auth/logout'), 2)
})

t.test('an error in onSessionEnd does not affect logout, login and fetch', async (t) => {
  const errors = catchMicrotaskErrors(t)
  const { open, server, time } = openBrowser(t)
  const { auth } = open({
    onSessionEnd(reason) {
      throw new Error(reason)
    }
  })
  const other = open()
  server.script('/auth/login', tokenFor({ sub: 'ada' }), tokenFor({ sub: 'bob' }))
  await time.until(auth.login({ n: 1 }))
  t.equal((await time.until(auth.login({ n: 2 }))).status, 200)
  t.match(other.auth.snapshot(), { user: { sub: 'bob' } }, 'the other tabs are told')
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_SESSION_REVOKED'))
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  await time.until(auth.login({ n: 3 }))
  await time.until(auth.logout())
  t.equal(server.count('/auth/logout'), 1)
  t.equal(other.auth.snapshot().status, 'anonymous')
  t.match(errors, [
    { message: 'user-changed' },
    { message: 'FRT_ERR_SESSION_REVOKED' },
    { message: 'logout' }
  ])
})

t.test('a login after a logout starts a new session', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  await time.until(auth.logout())
  await time.until(auth.login({ sub: 'bob' }))
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(ends, ['logout'])
})

t.test('a rejected login returns the response and changes nothing', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.script('/auth/login', () => json(401, { code: 'FRT_ERR_INVALID_CREDENTIALS' }))
  const response = await time.until(auth.login({ sub: 'ada', password: 'wrong' }))
  t.equal(response.status, 401)
  t.same(await response.json(), { code: 'FRT_ERR_INVALID_CREDENTIALS' })
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.same(ends, [])
})

t.test('a login in two steps takes the tokens from the second route', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', () => json(200, { challenge: 'otp' }))
  const first = await time.until(auth.login({ sub: 'ada' }))
  t.same(await first.json(), { challenge: 'otp' })
  server.script('/second-factor/login', () => server.issue())
  const second = await time.until(auth.login({ otp: '123456' }, { path: '/second-factor/login' }))
  t.match(await second.json(), { access_token: 'token-1' }, 'the response body can be read')
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  const call = server.callsTo('/auth/login')[0]
  t.equal(call?.headers.get('content-type'), 'application/json')
  t.equal(call?.headers.get('authorization'), null)
  t.equal(call?.body, '{"sub":"ada"}')
})
