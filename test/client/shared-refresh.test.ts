import t from 'tap'
import { deferred } from '../support/timers.js'
import { expired, json, unavailable } from './support/scripted-server.js'
import { loggedIn, openBrowser } from './support/tab.js'

t.test('requests that are rejected at the same time share one refresh and all retry', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const responses = await time.until(Promise.all(Array.from({ length: 20 }, () => auth.fetch('/me'))))
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(server.count('/me'), 40)
  for (const response of responses) t.match(await response.json(), { token: 'token-2' })
})

t.test('a request that is rejected during a refresh waits for the refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const refresh = deferred<Response>()
  server.script('/auth/refresh', () => refresh.promise)
  const first = auth.fetch('/first')
  await time.settle()
  t.equal(server.count('/auth/refresh'), 1)
  const second = auth.fetch('/second')
  await time.settle()
  t.equal(server.count('/second'), 1, 'it was rejected and waits')
  refresh.resolve(server.issue())
  t.equal((await time.until(first)).status, 200)
  t.equal((await time.until(second)).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('all waiting requests reject if the refresh fails', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => json(400, {}))
  const responses = await time.until(Promise.allSettled(Array.from({ length: 5 }, () => auth.fetch('/me'))))
  for (const response of responses) {
    t.match(response, { status: 'rejected', reason: { code: 'FRT_ERR_CLIENT_UNAVAILABLE' } })
  }
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('requests after a page load share the refresh that restores the session', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth } = open()
  const responses = await time.until(
    Promise.all([auth.fetch('/a'), auth.fetch('/b'), auth.getAccessToken(), auth.getAccessToken()])
  )
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(responses[0].status, 200)
  t.equal(responses[1].status, 200)
  t.same(responses.slice(2), ['token-1', 'token-1'])
})

t.test('a 401 for an outdated token is retried without a refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const late = deferred<Response>()
  server.script('/slow', () => late.promise)
  const slow = auth.fetch('/slow')
  await time.settle()
  server.expire()
  await time.until(auth.fetch('/me'))
  t.equal(server.count('/auth/refresh'), 1)
  late.resolve(expired())
  t.match(await (await time.until(slow)).json(), { token: 'token-2' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a 401 for an outdated token is retried even during a Retry-After pause', async (t) => {
  const { open, auth, server, time } = await loggedIn(t)
  const other = open()
  await time.until(other.auth.getAccessToken())
  server.expire()
  server.script('/auth/refresh', () => unavailable('120'))
  await t.rejects(time.until(auth.fetch('/me')), { code: 'FRT_ERR_CLIENT_UNAVAILABLE' })
  const late = deferred<Response>()
  server.script('/slow', () => late.promise)
  const slow = auth.fetch('/slow')
  await time.settle()
  await time.until(other.auth.fetch('/me'))
  late.resolve(expired())
  t.match(await (await time.until(slow)).json(), { token: 'token-3' })
})

t.test('a request that is rejected twice returns the 401', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', expired, expired)
  const response = await time.until(auth.fetch('/me'))
  t.equal(response.status, 401)
  t.match(await response.json(), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  t.equal(server.count('/me'), 2)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a request that is rejected after an early refresh causes no second refresh', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(301_000)
  server.script('/me', expired, expired)
  const response = await time.until(auth.fetch('/me'))
  t.equal(response.status, 401)
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(server.count('/me'), 1)
})

t.test('each request is sent at most twice if the server rejects every token', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', ...Array.from({ length: 20 }, () => expired))
  for (let i = 0; i < 5; i++) await time.until(auth.fetch('/me'))
  t.equal(server.count('/me'), 10)
  t.equal(server.count('/auth/refresh'), 5)
})
