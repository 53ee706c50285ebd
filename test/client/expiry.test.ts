import t from 'tap'
import { deferred } from '../support/timers.js'
import { json, networkError, unavailable } from './support/scripted-server.js'
import { loggedIn, openBrowser } from './support/tab.js'

t.test('a token is refreshed before it expires by a request, not by a timer', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  t.equal(time.pending, 0, 'no timer after a login')
  await time.pass(260_000)
  await time.until(auth.fetch('/me'))
  t.equal(server.count('/auth/refresh'), 0, '40 s are left')
  await time.pass(15_000)
  t.equal(server.count('/auth/refresh'), 0, 'no refresh happens without a request')
  await time.until(auth.fetch('/me'))
  await time.settle()
  t.equal(server.count('/auth/refresh'), 1, '25 s are left')
  t.equal(server.count('/me'), 2, 'no request was rejected')
  t.equal(await time.until(auth.getAccessToken()), 'token-2')
  t.equal(time.pending, 0)
})

t.test('the refresh margin is 5 to 15 % of the lifetime, random, and at most 30 s', async (t) => {
  const marginOf = async (random: number, expiresIn: number) => {
    const browser = openBrowser(t)
    browser.server.expiresIn = expiresIn
    const { auth } = browser.open({}, { random: () => random })
    await browser.time.until(auth.login({}))
    for (;;) {
      await browser.time.until(auth.fetch('/me'))
      await browser.time.settle()
      if (browser.server.count('/auth/refresh') > 0) return expiresIn - browser.time.nowMs / 1000
      await browser.time.pass(1000)
    }
  }
  t.equal(await marginOf(0, 300), 15)
  t.equal(await marginOf(0.5, 300), 30)
  t.equal(await marginOf(1, 300), 30)
  t.equal(await marginOf(0.5, 100), 10)
  t.equal(await marginOf(1, 100), 15)
})

t.test('expiry counts expires_in, independent of the clocks', async (t) => {
  // `now` may start at any value, before or after the clock of the server.
  for (const skewMs of [0, 3_600_000, Date.UTC(2035, 0)]) {
    const browser = openBrowser(t)
    browser.time.nowMs = skewMs
    const { auth } = browser.open()
    await browser.time.until(auth.login({}))
    await browser.time.pass(200_000)
    await browser.time.until(auth.fetch('/me'))
    t.equal(browser.server.count('/auth/refresh'), 0, 'not too early')
    await browser.time.pass(101_000)
    await browser.time.until(auth.fetch('/me'))
    t.equal(browser.server.count('/auth/refresh'), 1)
    t.equal(browser.server.count('/me'), 2, 'not too late')
  }
})

t.test('a valid token is used while the server is unavailable', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  await time.pass(280_000)
  server.script('/auth/refresh', networkError, networkError, networkError)
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-1' })
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.same(ends, [])
  await time.pass(30_000)
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
})

t.test('a request with a valid token does not wait for the early refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(280_000)
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  for (const path of ['/a', '/b']) {
    t.match(await (await time.until(auth.fetch(path))).json(), { token: 'token-1' })
  }
  t.equal(time.nowMs, 280_000)
  t.equal(server.count('/auth/refresh'), 1)
  late.resolve(server.issue())
  await time.settle()
  t.match(await (await time.until(auth.fetch('/c'))).json(), { token: 'token-2' })
})

t.test('a request is retried after the early refresh if its token expired on the way', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(299_000)
  const late = deferred<Response>()
  server.script('/auth/refresh', () => late.promise)
  server.expire()
  const waiting = auth.fetch('/me')
  await time.settle()
  late.resolve(server.issue())
  t.match(await (await time.until(waiting)).json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('getAccessToken refreshes if the token expires before minValidity', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  t.equal(await time.until(auth.getAccessToken({ minValidity: 200 })), 'token-1')
  await time.pass(150_000)
  t.equal(await time.until(auth.getAccessToken()), 'token-1')
  t.equal(await time.until(auth.getAccessToken({ minValidity: 200 })), 'token-2')
  t.equal(await time.until(auth.getAccessToken({ minValidity: undefined })), 'token-2')
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a minValidity that no token reaches does not cause a refresh at each call', async (t) => {
  for (const minValidity of [3600, 300, 299]) {
    const { auth, server, time } = await loggedIn(t)
    for (let call = 0; call < 5; call++) {
      await time.pass(1000)
      t.equal(await time.until(auth.getAccessToken({ minValidity })), 'token-1')
    }
    await time.pass(30_000)
    t.equal(
      await time.until(auth.getAccessToken({ minValidity })),
      'token-2',
      'a newer token is valid for longer'
    )
    t.equal(server.count('/auth/refresh'), 1)
  }
})

t.test('getAccessToken rejects if less than minValidity remains and the refresh fails', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(200_000)
  server.script('/auth/refresh', ...[1, 2, 3].map(() => () => unavailable()))
  await t.rejects(time.until(auth.getAccessToken({ minValidity: 200 })), {
    code: 'FRT_ERR_CLIENT_UNAVAILABLE'
  })
  t.equal(await time.until(auth.getAccessToken()), 'token-1', 'other calls continue')
})

t.test('expiry counts from when the request was sent, because the response may be read late', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  server.script('/auth/login', async () => {
    // The tab is suspended before it reads the response.
    await new Promise<void>((resolve) => time.after(8000, resolve))
    return server.issue()
  })
  await time.until(auth.login({}))
  await time.pass(264_000)
  t.equal(await time.until(auth.getAccessToken()), 'token-2', 'less than the margin of 30 s remains')
})

t.test('a token with expires_in 0 serves the waiting request and causes no loop', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/auth/refresh', () => {
    server.valid.add('brief')
    return json(200, { access_token: 'brief', expires_in: 0 })
  })
  await time.pass(301_000)
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'brief' })
  t.equal(server.count('/auth/refresh'), 1)
  t.match(await (await time.until(auth.fetch('/me'))).json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 2)
})
