import t from 'tap'
import { deferred } from '../support/timers.js'
import { expired, json, unavailable } from './support/scripted-server.js'
import { loggedIn, openBrowser } from './support/tab.js'

t.test('row 1: one refresh for all requests that are refused at once, which all retry', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const answers = await time.until(Promise.all(Array.from({ length: 20 }, () => auth.fetch('/me'))))
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(server.count('/me'), 40)
  for (const answer of answers) t.match(await answer.json(), { token: 'token-2' })
})

t.test('row 1: a request that is refused during a refresh waits for it', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const refresh = deferred<Response>()
  server.script('/auth/refresh', () => refresh.promise)
  const first = auth.fetch('/first')
  await time.settle()
  t.equal(server.count('/auth/refresh'), 1)
  const second = auth.fetch('/second')
  await time.settle()
  t.equal(server.count('/second'), 1, 'it was refused, and waits')
  refresh.resolve(server.issue())
  t.equal((await time.until(first)).status, 200)
  t.equal((await time.until(second)).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 1: all that wait are told when the refresh fails', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => json(400, {}))
  const answers = await time.until(Promise.allSettled(Array.from({ length: 5 }, () => auth.fetch('/me'))))
  for (const answer of answers) {
    t.match(answer, { status: 'rejected', reason: { code: 'FRT_ERR_CLIENT_UNAVAILABLE' } })
  }
  t.equal(server.count('/auth/refresh'), 1)
})

t.test(
  'row 1: requests of a page that was just loaded share the refresh that restores the session',
  async (t) => {
    const { open, server, time } = openBrowser(t)
    const { auth } = open()
    const answers = await time.until(
      Promise.all([auth.fetch('/a'), auth.fetch('/b'), auth.getAccessToken(), auth.getAccessToken()])
    )
    t.equal(server.count('/auth/refresh'), 1)
    t.equal(answers[0].status, 200)
    t.equal(answers[1].status, 200)
    t.same(answers.slice(2), ['token-1', 'token-1'])
  }
)

t.test('row 2: a 401 for a token that is no longer the current one retries without a refresh', async (t) => {
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

t.test('row 2: … even while the server wants to be left alone', async (t) => {
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

t.test('row 4: one retry for a request that is refused again: the caller gets the 401', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', expired, expired)
  const answer = await time.until(auth.fetch('/me'))
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  t.equal(server.count('/me'), 2)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 4: one refresh for a request that was refreshed ahead and is refused all the same', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(301_000)
  server.script('/me', expired, expired)
  const answer = await time.until(auth.fetch('/me'))
  t.equal(answer.status, 401)
  t.equal(server.count('/auth/refresh'), 1)
  t.equal(server.count('/me'), 1)
})

t.test('row 4: a server that refuses every token is asked twice for each request, no more', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.script('/me', ...Array.from({ length: 20 }, () => expired))
  for (let i = 0; i < 5; i++) await time.until(auth.fetch('/me'))
  t.equal(server.count('/me'), 10)
  t.equal(server.count('/auth/refresh'), 5)
})
