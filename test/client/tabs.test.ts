import t from 'tap'
import type { Locks } from '../../lib/client/runtime.js'
import { deferred } from '../support/timers.js'
import { FakeChannels } from './support/browser.js'
import { json, unauthorized } from './support/scripted-server.js'
import { loggedIn, openBrowser } from './support/tab.js'

t.test('ten tabs that refresh at the same time share one refresh', async (t) => {
  const { open, server, time, locks } = openBrowser(t)
  const tabs = Array.from({ length: 10 }, () => open())
  await time.until(tabs[0]!.auth.login({ sub: 'ada' }))
  server.expire()
  const responses = await time.until(Promise.all(tabs.map(({ auth }) => auth.fetch('/me'))))
  for (const response of responses) t.match(await response.json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(locks.granted, 10)
})

t.test('ten tabs share one refresh even if messages arrive late', async (t) => {
  const { open, server, time } = openBrowser(t)
  const channels = new FakeChannels((work) => time.after(10, work))
  const tabs = Array.from({ length: 10 }, () => open({}, { openChannel: channels.open }))
  await time.until(tabs[0]!.auth.login({ sub: 'ada' }))
  await time.pass(10)
  server.expire()
  server.script('/auth/refresh', async () => {
    await new Promise<void>((resolve) => time.after(100, resolve))
    return server.issue()
  })
  const responses = await time.until(Promise.all(tabs.map(({ auth }) => auth.fetch('/me'))))
  for (const response of responses) t.equal(response.status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a tab uses the new token of another tab without a refresh', async (t) => {
  const { open, server, time, auth } = await loggedIn(t)
  const other = open()
  t.equal(await time.until(other.auth.getAccessToken()), 'token-2', 'a page load refreshes')
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a login reaches tabs whose session has ended', async (t) => {
  const { open, server, time } = openBrowser(t)
  const first = open()
  const second = open()
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_NO_REFRESH_TOKEN'))
  t.equal(await time.until(second.auth.getAccessToken()), null)
  await time.until(first.auth.login({ sub: 'ada' }))
  t.equal(await time.until(second.auth.getAccessToken()), 'token-1')
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a logout in one tab ends the session in the others, and each calls onSessionEnd once', async (t) => {
  const { open, server, time, auth, ends } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  await time.until(auth.logout())
  t.same(ends, ['logout'])
  t.same(other.ends, ['logout'])
  t.equal(await time.until(other.auth.getAccessToken()), null)
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(server.count('/auth/logout'), 1)
})

t.test('clients with another server or prefix do not share the session', async (t) => {
  const { open, time } = await loggedIn(t)
  const elsewhere = open({ baseUrl: 'https://other.example.com' })
  const other = open({ prefix: '/session' })
  t.equal(await time.until(elsewhere.auth.getAccessToken()), 'token-2')
  t.equal(await time.until(other.auth.getAccessToken()), 'token-3')
})

t.test('a tab that gets the lock uses the token that another tab received meanwhile', async (t) => {
  const { open, server, time, auth, locks } = await loggedIn(t)
  const refresh = deferred<Response>()
  const other = open()
  await time.until(other.auth.getAccessToken())
  server.expire()
  server.script('/auth/refresh', () => refresh.promise)
  const first = auth.fetch('/me')
  await time.settle()
  const second = other.auth.fetch('/me')
  await time.settle()
  t.equal(server.count('/auth/refresh'), 2, 'the page load and one more')
  refresh.resolve(server.issue())
  t.equal((await time.until(Promise.all([first, second])))[1].status, 200)
  t.equal(server.count('/auth/refresh'), 2)
  t.equal(locks.granted, 3)
})

t.test('a refresh runs without the lock after five seconds', async (t) => {
  const { auth, server, time, locks, ends } = await loggedIn(t)
  locks.isStuck = true
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(time.nowMs, 5000)
  t.equal(server.count('/auth/refresh'), 1)
  t.same(ends, [])
})

t.test('a refresh runs without the lock immediately if the runtime rejects locks', async (t) => {
  const rejecting: Locks = {
    request: async () => {
      throw new DOMException('not here', 'SecurityError')
    }
  }
  const { auth, server, time } = await loggedIn(t, {}, { locks: rejecting })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(time.nowMs, 0)
  t.equal(time.pending, 0, 'no timer is left')
})

t.test('tabs without locks and channel refresh independently', async (t) => {
  const isolated = { locks: undefined, openChannel: () => undefined }
  const { open, auth, server, time, ends } = await loggedIn(t, {}, isolated)
  const other = open({}, isolated)
  t.equal(await time.until(other.auth.getAccessToken()), 'token-2')
  server.expire()
  const responses = await time.until(Promise.all([auth.fetch('/me'), other.auth.fetch('/me')]))
  for (const response of responses) t.equal(response.status, 200)
  t.equal(server.count('/auth/refresh'), 3)
  await time.until(auth.logout())
  t.same(ends, ['logout'])
  t.same(other.ends, [])
})

t.test('the lock is released between the attempts of a refresh', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  server.expire()
  server.script('/auth/refresh', () => json(503, {}, { 'retry-after': '5' }))
  const first = auth.fetch('/me')
  await time.pass(1000)
  t.equal(
    (await time.until(other.auth.fetch('/me'))).status,
    200,
    'the other tab does not wait for the pause'
  )
  t.ok(time.nowMs < 2000)
  t.equal((await time.until(first)).status, 200)
  t.equal(server.count('/auth/refresh'), 3)
})

t.test('a failed refresh with a lock rejects with its own error', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => json(400, {}))
  await t.rejects(time.until(auth.fetch('/me')), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
  t.equal(server.count('/auth/refresh'), 1, 'not retried without the lock')
})

t.test('a refresh response is dropped if another user logs in in another tab meanwhile', async (t) => {
  const { open, auth, server, time, ends } = await loggedIn(t)
  const other = open()
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  late.resolve(json(200, { access_token: 'of ada', expires_in: 300 }))
  t.match(await (await time.until(waiting)).json(), { token: 'token-2' })
  t.equal(await time.until(auth.getAccessToken()), 'token-2', 'the token of bob')
  t.equal(await time.until(other.auth.getAccessToken()), 'token-2')
  t.same(ends, [])
})

t.test('a terminal 401 is dropped if another user logs in in another tab meanwhile', async (t) => {
  const { open, auth, server, time, ends } = await loggedIn(t)
  const other = open()
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  late.resolve(unauthorized('FRT_ERR_SESSION_REVOKED'))
  t.equal((await time.until(waiting)).status, 200)
  t.same(ends, [])
  t.same(other.ends, [])
})

t.test('a closed client works, but does not exchange messages with other tabs', async (t) => {
  const { open, auth, server, time, ends } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  auth.close()
  auth.close()
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal((await time.until(auth.login({ sub: 'ada' }))).status, 200)
  await time.until(auth.logout())
  t.same(ends, ['logout'])
  t.same(other.ends, [])
  await time.until(other.auth.login({ sub: 'bob' }))
  t.equal(await time.until(auth.getAccessToken()), null)
})
