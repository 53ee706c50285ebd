import t from 'tap'
import { json, networkError, type Reply, refused, unavailable } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser } from './support/tab.js'

const UNAVAILABLE = { name: 'UnavailableError', code: 'FRT_ERR_CLIENT_UNAVAILABLE' }

const times = (count: number, reply: Reply): Reply[] => Array.from({ length: count }, () => reply)

const terminal = [
  'FRT_ERR_NO_REFRESH_TOKEN',
  'FRT_ERR_REFRESH_TOKEN_INVALID',
  'FRT_ERR_REFRESH_TOKEN_EXPIRED',
  'FRT_ERR_REFRESH_TOKEN_REUSED',
  'FRT_ERR_SESSION_REVOKED'
]

for (const code of terminal) {
  t.test(`row 5: ${code} ends the session, once, with that reason`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', () => refused(code))
    const answers = await time.until(Promise.all([auth.fetch('/a'), auth.fetch('/b')]))
    t.same(
      answers.map(({ status }) => status),
      [401, 401]
    )
    t.same(ends, [code])
    t.equal(await time.until(auth.getAccessToken()), null)
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.equal(server.count('/auth/refresh'), 1, 'a session that is over is not asked for again')
    t.same(ends, [code])
  })
}

t.test(
  'row 5: a page that was just loaded is told why its session is over, and not that there was none',
  async (t) => {
    for (const code of terminal) {
      const { server, time, open } = openBrowser(t)
      const { auth, ends } = open()
      server.script('/auth/refresh', () => refused(code))
      t.equal(await time.until(auth.getAccessToken()), null)
      t.same(ends, code === 'FRT_ERR_NO_REFRESH_TOKEN' ? [] : [code])
    }
  }
)

const passing: [string, Reply][] = [
  ['a network error', networkError],
  ['a 429', () => json(429, { code: 'FRT_ERR_SESSION_REVOKED' })],
  ['a 500', () => json(500, { code: 'FRT_ERR_SESSION_REVOKED' })],
  ['a 503 of the store', () => unavailable()],
  ['an answer that breaks off', () => new Response(broken(), { status: 200 })]
]

function broken(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) })
}

for (const [what, reply] of passing) {
  t.test(`row 5: ${what} keeps the session: tried three times, then told`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', ...times(3, reply))
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    t.equal(server.count('/auth/refresh'), 3)
    t.same(ends, [])
    t.equal((await time.until(auth.fetch('/me'))).status, 200, 'the session goes on')
  })
}

const odd: [string, Reply][] = [
  ['a captive portal', () => new Response('<h1>Wi-Fi</h1>', { headers: { 'content-type': 'text/html' } })],
  ['malformed JSON', () => new Response('{"access_token":"x', { status: 200 })],
  ['JSON that is no object', () => json(200, null)],
  ['a token without its lifetime', () => json(200, { access_token: 'x' })],
  ['a lifetime without its token', () => json(200, { expires_in: 300 })],
  ['a 401 of a proxy', () => new Response('<h1>Sign in</h1>', { status: 401 })],
  ['a 401 with a code of somebody else', () => json(401, { code: 'PROXY_DENIED' })],
  ['a 403', () => json(403, { code: 'FRT_ERR_CROSS_ORIGIN' })],
  ['a 404', () => json(404, {})],
  ['a terminal code that is no 401', () => json(200, { code: 'FRT_ERR_SESSION_REVOKED' })]
]

for (const [what, reply] of odd) {
  t.test(`row 5: ${what} keeps the session, and is told at once`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', reply)
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    t.equal(server.count('/auth/refresh'), 1)
    t.same(ends, [])
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
  })
}

t.test('row 5: Retry-After is honoured, in seconds, between the tries', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const tried: number[] = []
  server.script('/auth/refresh', () => {
    tried.push(time.nowMs)
    return unavailable('3')
  })
  server.script('/auth/refresh', () => {
    tried.push(time.nowMs)
    return server.issue()
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(tried.length, 2)
  t.ok(tried[1]! - tried[0]! >= 3000, 'not before')
  t.ok(tried[1]! - tried[0]! <= 5000, 'soon after')
})

t.test('row 5: Retry-After is honoured across requests; one that is long is told at once', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => unavailable('120'))
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  t.equal(time.nowMs, 0, 'nobody waits for two minutes')
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  await time.pass(100_000)
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  t.equal(server.count('/auth/refresh'), 1, 'it is left alone')
  await time.pass(22_000)
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(ends, [])
})

for (const value of ['Wed, 21 Oct 2015 07:28:00 GMT', 'soon', '', '-7']) {
  t.test(
    `row 5: a Retry-After of ${JSON.stringify(value)} says nothing: the pauses are the client's`,
    async (t) => {
      const { auth, server, time } = await loggedIn(t)
      server.expire()
      server.script('/auth/refresh', () => unavailable(value))
      t.equal((await time.until(auth.fetch('/me'))).status, 200)
      t.ok(time.nowMs >= 500 && time.nowMs <= 1000, `${time.nowMs}`)
    }
  )
}

t.test('row 5: pauses grow, and differ: half of each is random', async (t) => {
  const pausesWith = async (random: number) => {
    const { auth, server, time } = await loggedIn(t, {}, { random: () => random })
    server.expire()
    const tried: number[] = []
    server.script(
      '/auth/refresh',
      ...times(3, () => {
        tried.push(time.nowMs)
        return unavailable()
      })
    )
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    return [tried[1]! - tried[0]!, tried[2]! - tried[1]!]
  }
  t.same(await pausesWith(0), [500, 1000])
  t.same(await pausesWith(1), [1000, 2000])
})

t.test('row 5: a storm of requests during an outage asks the server three times', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', ...times(3, () => unavailable('1')))
  const answers = await time.until(Promise.allSettled(Array.from({ length: 50 }, () => auth.fetch('/me'))))
  t.ok(answers.every(({ status }) => status === 'rejected'))
  t.equal(server.count('/auth/refresh'), 3)
  t.same(ends, [])
})

t.test('row 5: nobody who was never there is told that a session ended', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/refresh', () => refused('FRT_ERR_NO_REFRESH_TOKEN'))
  t.equal(await time.until(auth.getAccessToken()), null)
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.same(ends, [])
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 6: a refresh whose answer was lost is tried again with the same refresh token', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { storage })
  server.expire()
  server.script('/auth/refresh', () => {
    server.issue()
    return networkError()
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(
    server.to('/auth/refresh').map(({ body }) => JSON.parse(body)),
    [{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-1' }]
  )
  t.equal(storage.value, 'refresh-3')
  t.same(ends, [])
})

t.test('row 6: an answer that does not come is given up after ten seconds, and tried again', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Promise(() => {}))
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(server.count('/auth/refresh'), 2)
  t.ok(time.nowMs >= 10_000 && time.nowMs < 12_000)
  t.same(ends, [])
})

t.test('row 6: so is an answer that begins and does not end', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', ({ signal }) => {
    const body = new ReadableStream({
      start: (controller) => signal.addEventListener('abort', () => controller.error(signal.reason))
    })
    return new Response(body)
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(server.count('/auth/refresh'), 2)
})
