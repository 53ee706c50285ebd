import t from 'tap'
import { deferred } from '../support/timers.js'
import { json, networkError, refused, unavailable } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser } from './support/tab.js'

const UNAVAILABLE = { code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

t.test('row 8: a logout during a refresh wins: what the refresh brings is dropped', async (t) => {
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
  t.same(channels.messages.slice(1), [{ type: 'logout' }], 'the others never hear of its token')
})

t.test('a logout is sent although the page goes away as soon as it is told of it', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.until(auth.logout())
  t.equal(server.to('/auth/logout')[0]?.init?.keepalive, true)
})

t.test('row 8: … and so is its terminal 401: the reason is the logout', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  const logout = auth.logout()
  late.resolve(refused('FRT_ERR_SESSION_REVOKED'))
  await time.until(Promise.all([waiting, logout]))
  t.same(ends, ['logout'])
})

t.test('row 8: … also where the runtime’s fetch goes on when it is aborted', async (t) => {
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

t.test('row 8: a logout in another tab during a refresh wins', async (t) => {
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

t.test('row 8: who waited for the refresh does not wait on after a logout', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Promise(() => {}))
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(auth.logout())
  t.equal((await time.until(waiting)).status, 401)
  t.equal(time.nowMs, 0)
})

t.test('row 8: a token that another tab tells of late does not bring the session back', async (t) => {
  const { auth, channels, time, ends } = await loggedIn(t)
  await time.until(auth.logout())
  const other = channels.open('fastify-refresh-token https://api.example.com/auth ')
  other.postMessage({ type: 'token', token: { value: 'late', validMs: 300_000 } })
  await time.settle()
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
})

t.test('row 8: a logout during a login wins: what the login brought is ended', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = auth.logout()
  await time.settle()
  t.equal(server.count('/auth/logout'), 0, 'it waits for the login, whose cookie it is to end')
  late.resolve(server.issue())
  await time.until(Promise.all([login, logout]))
  t.ok(server.count('/auth/logout') > 0)
  t.equal(await time.until(auth.getAccessToken()), null)
  t.same(ends, ['logout'])
})

t.test('row 8: … in body mode, too', async (t) => {
  const { open, server, time } = openBrowser(t)
  const storage = new MemoryStorage()
  const { auth } = open({ storage })
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = auth.login({ sub: 'ada' })
  await time.settle()
  const logout = auth.logout()
  late.resolve(server.issue())
  await time.until(Promise.all([login, logout]))
  t.equal(storage.value, null)
  t.ok(server.to('/auth/logout').some(({ body }) => body === '{"refresh_token":"refresh-1"}'))
})

t.test('a login that fails does not keep a logout from its way', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', networkError)
  const login = auth.login({ sub: 'ada' })
  await time.until(Promise.all([t.rejects(login, TypeError), auth.logout()]))
  t.equal(server.count('/auth/logout'), 1)
})

t.test('of two logins at once the last to be answered counts: the browser has kept its cookie', async (t) => {
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

t.test('of logins in two tabs, too', async (t) => {
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

t.test('a logout in another tab during a login wins: what the login brought is ended', async (t) => {
  const { open, server, time } = openBrowser(t)
  const one = open()
  const two = open()
  const late = deferred<Response>()
  server.script('/auth/login', () => late.promise)
  const login = one.auth.login({ sub: 'ada' })
  await time.until(two.auth.logout())
  late.resolve(server.issue())
  t.equal((await time.until(login)).status, 200)
  t.equal(server.to('/auth/logout').at(-1)?.headers.get('authorization'), 'Bearer token-1')
  t.equal(await time.until(one.auth.getAccessToken()), null)
})

t.test(
  'a terminal 401 that arrives after a login is about the session before: the login stays',
  async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    const late = deferred<Response>()
    server.script('/auth/refresh', () => late.promise)
    const waiting = auth.fetch('/me')
    await time.settle()
    await time.until(auth.login({ sub: 'bob' }))
    late.resolve(refused('FRT_ERR_SESSION_REVOKED'))
    t.equal((await time.until(waiting)).status, 200, 'retried with the new token')
    t.equal(await time.until(auth.getAccessToken()), 'token-2')
    t.same(ends, [])
  }
)

t.test(
  'a terminal 401 that arrives during a login is about the session before: the login stays',
  async (t) => {
    const { open, server, time } = openBrowser(t)
    const { auth, ends } = open()
    const refresh = deferred<Response>()
    const login = deferred<Response>()
    server.script('/auth/refresh', () => refresh.promise)
    server.script('/auth/login', () => login.promise)
    const restoring = auth.getAccessToken()
    const loggingIn = auth.login({ sub: 'ada' })
    await time.settle()
    refresh.resolve(refused('FRT_ERR_NO_REFRESH_TOKEN'))
    t.equal(await time.until(restoring), null)
    login.resolve(server.issue())
    t.equal((await time.until(loggingIn)).status, 200)
    t.equal(await time.until(auth.getAccessToken()), 'token-1')
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
    t.same(ends, [])
  }
)

t.test(
  'a login ends the refresh that is under way: its cookie must not come after that of the login',
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

t.test(
  'a logout sends the access token along, which names its session where the cookie is lost',
  async (t) => {
    const { auth, server, time } = await loggedIn(t)
    await time.until(auth.logout())
    const [call] = server.to('/auth/logout')
    t.equal(call?.method, 'POST')
    t.equal(call?.headers.get('authorization'), 'Bearer token-1')
    t.equal(call?.init?.credentials, 'include')
    t.equal(call?.body, '')
  }
)

t.test('a logout that is not heard is tried again, then told; here it is over at once', async (t) => {
  for (const reply of [networkError, () => unavailable('1'), () => json(403, {})]) {
    const { auth, server, time, ends } = await loggedIn(t)
    server.script('/auth/logout', reply, reply, reply)
    const logout = auth.logout()
    t.same(ends, ['logout'])
    await t.rejects(time.until(logout), UNAVAILABLE)
    t.equal(server.count('/auth/logout'), 3)
    t.equal(await time.until(auth.getAccessToken()), null)
  }
})

t.test('a logout that could not be told can be repeated, and then ends that session', async (t) => {
  for (const storage of [undefined, new MemoryStorage()]) {
    const { auth, server, time, ends } = await loggedIn(t, { storage })
    server.script('/auth/logout', networkError, networkError, networkError)
    await t.rejects(time.until(auth.logout()), UNAVAILABLE)
    await time.until(auth.logout())
    const last = server.to('/auth/logout').at(-1)
    t.equal(last?.headers.get('authorization'), 'Bearer token-1')
    if (storage) t.same(JSON.parse(last?.body ?? ''), { refresh_token: 'refresh-1' })
    t.same(ends, ['logout'])
  }
})

t.test(
  'a login after a logout that is tried again waits for it: the new cookie must not go along',
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

t.test('… nor with that of a login in another tab, which has replaced the session', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  server.script('/auth/logout', networkError)
  const logout = auth.logout()
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  await time.until(logout)
  t.equal(server.count('/auth/logout'), 1)
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
})

t.test('a login after a logout that failed goes on', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', networkError, networkError, networkError)
  const logout = auth.logout()
  const login = auth.login({ sub: 'bob' })
  await time.until(Promise.all([t.rejects(logout, UNAVAILABLE), login]))
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
})

t.test('a logout whose answer is lost is told once more, which is no error', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/logout', networkError)
  await time.until(auth.logout())
  t.equal(server.count('/auth/logout'), 2)
})

t.test('an onSessionEnd that throws does not keep a logout from the server', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open({
    onSessionEnd() {
      throw new Error('of the app')
    }
  })
  await time.until(auth.login({ sub: 'ada' }))
  await t.rejects(time.until(auth.logout()), { message: 'of the app' })
  t.equal(server.count('/auth/logout'), 1)
})

t.test('a new login after a logout begins anew', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  await time.until(auth.logout())
  await time.until(auth.login({ sub: 'bob' }))
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(ends, ['logout'])
})

t.test('a login that is refused is the caller’s, and changes nothing', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.script('/auth/login', () => json(401, { code: 'FRT_ERR_INVALID_CREDENTIALS' }))
  const answer = await time.until(auth.login({ sub: 'ada', password: 'wrong' }))
  t.equal(answer.status, 401)
  t.same(await answer.json(), { code: 'FRT_ERR_INVALID_CREDENTIALS' })
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.same(ends, [])
})

t.test('a login in two steps: the second route answers with the tokens', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', () => json(200, { challenge: 'otp' }))
  const first = await time.until(auth.login({ sub: 'ada' }))
  t.same(await first.json(), { challenge: 'otp' })
  server.script('/second-factor/login', () => server.issue())
  const second = await time.until(auth.login({ otp: '123456' }, '/second-factor/login'))
  t.match(await second.json(), { access_token: 'token-1' }, 'the answer can be read')
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  const call = server.to('/auth/login')[0]
  t.equal(call?.headers.get('content-type'), 'application/json')
  t.equal(call?.headers.get('authorization'), null)
  t.equal(call?.body, '{"sub":"ada"}')
})
