import t from 'tap'
import type { Locks } from '../../lib/client/runtime.js'
import { deferred } from '../support/timers.js'
import { FakeChannels } from './support/browser.js'
import { json, refused } from './support/scripted-server.js'
import { loggedIn, openBrowser } from './support/tab.js'

t.test('row 7: ten tabs that refresh at once: one refresh, whose token all get', async (t) => {
  const { open, server, time, locks } = openBrowser(t)
  const tabs = Array.from({ length: 10 }, () => open())
  await time.until(tabs[0]!.auth.login({ sub: 'ada' }))
  server.expire()
  const answers = await time.until(Promise.all(tabs.map(({ auth }) => auth.fetch('/me'))))
  for (const answer of answers) t.match(await answer.json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(locks.granted, 10)
})

t.test('row 7: … also where news takes a moment', async (t) => {
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
  const answers = await time.until(Promise.all(tabs.map(({ auth }) => auth.fetch('/me'))))
  for (const answer of answers) t.equal(answer.status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 7: a tab tells the others of its new token, which they use without a refresh', async (t) => {
  const { open, server, time, auth } = await loggedIn(t)
  const other = open()
  t.equal(await time.until(other.auth.getAccessToken()), 'token-2', 'a page load asks the server')
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 7: a login is told, to tabs that thought the session over as well', async (t) => {
  const { open, server, time } = openBrowser(t)
  const first = open()
  const second = open()
  server.script('/auth/refresh', () => refused('FRT_ERR_NO_REFRESH_TOKEN'))
  t.equal(await time.until(second.auth.getAccessToken()), null)
  await time.until(first.auth.login({ sub: 'ada' }))
  t.equal(await time.until(second.auth.getAccessToken()), 'token-1')
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 7: a logout in one tab ends the others, each told once', async (t) => {
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

t.test('row 7: another server, or other routes, is another session', async (t) => {
  const { open, time } = await loggedIn(t)
  const elsewhere = open({ baseUrl: 'https://other.example.com' })
  const other = open({ prefix: '/session' })
  t.equal(await time.until(elsewhere.auth.getAccessToken()), 'token-2')
  t.equal(await time.until(other.auth.getAccessToken()), 'token-3')
})

t.test('row 7: state is read again inside of the lock: what another tab got is taken', async (t) => {
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
  t.equal(server.count('/auth/refresh'), 2, 'the page load, and one more')
  refresh.resolve(server.issue())
  t.equal((await time.until(Promise.all([first, second])))[1].status, 200)
  t.equal(server.count('/auth/refresh'), 2)
  t.equal(locks.granted, 3)
})

t.test('row 7: a lock that is never granted is given up after five seconds', async (t) => {
  const { auth, server, time, locks, ends } = await loggedIn(t)
  locks.isStuck = true
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(time.nowMs, 5000)
  t.equal(server.count('/auth/refresh'), 1)
  t.same(ends, [])
})

t.test('row 7: a runtime that refuses locks does without, and at once', async (t) => {
  const refusing: Locks = {
    request: async () => {
      throw new DOMException('not here', 'SecurityError')
    }
  }
  const { auth, server, time } = await loggedIn(t, {}, { locks: refusing })
  server.expire()
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(time.nowMs, 0)
  t.equal(time.pending, 0, 'no timer is left')
})

t.test('row 7: without locks and without a channel each tab is on its own', async (t) => {
  const alone = { locks: undefined, openChannel: () => undefined }
  const { open, auth, server, time, ends } = await loggedIn(t, {}, alone)
  const other = open({}, alone)
  t.equal(await time.until(other.auth.getAccessToken()), 'token-2')
  server.expire()
  const answers = await time.until(Promise.all([auth.fetch('/me'), other.auth.fetch('/me')]))
  for (const answer of answers) t.equal(answer.status, 200)
  t.equal(server.count('/auth/refresh'), 3)
  await time.until(auth.logout())
  t.same(ends, ['logout'])
  t.same(other.ends, [])
})

t.test('row 7: the lock is held for the refresh alone, and not between its tries', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  server.expire()
  server.script('/auth/refresh', () => json(503, {}, { 'retry-after': '5' }))
  const first = auth.fetch('/me')
  await time.pass(1000)
  t.equal((await time.until(other.auth.fetch('/me'))).status, 200, 'the other does not wait for the pause')
  t.ok(time.nowMs < 2000)
  t.equal((await time.until(first)).status, 200)
  t.equal(server.count('/auth/refresh'), 3)
})

t.test('a failing refresh keeps its error behind a lock, too', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => json(400, {}))
  await t.rejects(time.until(auth.fetch('/me')), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
  t.equal(server.count('/auth/refresh'), 1, 'not tried again without the lock')
})

t.test(
  'another user logs in in another tab while a refresh is under way: its answer is dropped',
  async (t) => {
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
    t.equal(await time.until(auth.getAccessToken()), 'token-2', 'bob’s')
    t.equal(await time.until(other.auth.getAccessToken()), 'token-2')
    t.same(ends, [])
  }
)

t.test('… and so is its terminal 401', async (t) => {
  const { open, auth, server, time, ends } = await loggedIn(t)
  const other = open()
  server.expire()
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  const waiting = auth.fetch('/me')
  await time.settle()
  await time.until(other.auth.login({ sub: 'bob' }))
  late.resolve(refused('FRT_ERR_SESSION_REVOKED'))
  t.equal((await time.until(waiting)).status, 200)
  t.same(ends, [])
  t.same(other.ends, [])
})

t.test('a client that was closed goes on by itself, and hears and tells no more', async (t) => {
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
