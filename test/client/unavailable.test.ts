import t from 'tap'
import { bodyTransport } from '../../lib/client/transport/body-transport.js'
import { json, networkError, type Reply, unauthorized, unavailable } from './support/scripted-server.js'
import { loggedIn, MemoryStorage, openBrowser, START_MS } from './support/tab.js'

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
  t.test(`${code} ends the session once, with this reason`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', () => unauthorized(code))
    const responses = await time.until(Promise.all([auth.fetch('/a'), auth.fetch('/b')]))
    t.same(
      responses.map(({ status }) => status),
      [401, 401]
    )
    t.same(ends, [code])
    t.equal(await time.until(auth.getAccessToken()), null)
    t.equal((await time.until(auth.fetch('/me'))).status, 401)
    t.equal(server.count('/auth/refresh'), 1, 'an ended session is not refreshed again')
    t.same(ends, [code])
  })
}

t.test('a page load reports why its session ended, except if there was no session', async (t) => {
  for (const code of terminal) {
    const { server, time, open } = openBrowser(t)
    const { auth, ends } = open()
    server.script('/auth/refresh', () => unauthorized(code))
    t.equal(await time.until(auth.getAccessToken()), null)
    t.same(ends, code === 'FRT_ERR_NO_REFRESH_TOKEN' ? [] : [code])
  }
})

const temporary: [string, Reply][] = [
  ['a network error', networkError],
  ['a 429', () => json(429, { code: 'FRT_ERR_SESSION_REVOKED' })],
  ['a 500', () => json(500, { code: 'FRT_ERR_SESSION_REVOKED' })],
  ['a 503 of the store', () => unavailable()],
  ['a response that is cut off', () => new Response(cutBody(), { status: 200 })]
]

function cutBody(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) })
}

for (const [kind, reply] of temporary) {
  t.test(`${kind} keeps the session and rejects after three attempts`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', ...times(3, reply))
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    t.equal(server.count('/auth/refresh'), 3)
    t.same(ends, [])
    t.equal((await time.until(auth.fetch('/me'))).status, 200, 'the session continues')
  })
}

const unexpected: [string, Reply][] = [
  ['a captive portal', () => new Response('<h1>Wi-Fi</h1>', { headers: { 'content-type': 'text/html' } })],
  ['malformed JSON', () => new Response('{"access_token":"x', { status: 200 })],
  ['JSON that is not an object', () => json(200, null)],
  ['a token without its lifetime', () => json(200, { access_token: 'x' })],
  ['a lifetime without its token', () => json(200, { expires_in: 300 })],
  ['a 401 of a proxy', () => new Response('<h1>Sign in</h1>', { status: 401 })],
  ['a 401 with an unknown code', () => json(401, { code: 'PROXY_DENIED' })],
  ['a 403', () => json(403, { code: 'FRT_ERR_CROSS_ORIGIN' })],
  ['a 404', () => json(404, {})],
  ['a terminal code without a 401', () => json(200, { code: 'FRT_ERR_SESSION_REVOKED' })]
]

for (const [kind, reply] of unexpected) {
  t.test(`${kind} keeps the session and rejects without a retry`, async (t) => {
    const { auth, server, time, ends } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', reply)
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    t.equal(server.count('/auth/refresh'), 1)
    t.same(ends, [])
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
  })
}

t.test('Retry-After in seconds delays the next attempt', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const attemptedAt: number[] = []
  server.script('/auth/refresh', () => {
    attemptedAt.push(time.nowMs)
    return unavailable('3')
  })
  server.script('/auth/refresh', () => {
    attemptedAt.push(time.nowMs)
    return server.issue()
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(attemptedAt.length, 2)
  t.ok(attemptedAt[1]! - attemptedAt[0]! >= 3000, 'the pause is respected')
  t.ok(attemptedAt[1]! - attemptedAt[0]! <= 5000, 'the attempt follows soon after')
})

t.test('Retry-After applies to later requests, and a long one rejects immediately', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => unavailable('120'))
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  t.equal(time.nowMs, 0, 'no caller waits for two minutes')
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  await time.pass(100_000)
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  t.equal(server.count('/auth/refresh'), 1, 'the pause is respected')
  await time.pass(22_000)
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(ends, [])
})

t.test(
  'Retry-After as an HTTP date counts from the date of the server, otherwise from the wall clock',
  async (t) => {
    const dateAfter = (ms: number) => new Date(ms).toUTCString()
    const SERVER_MS = Date.UTC(2030, 0)
    for (const headers of [
      { 'retry-after': dateAfter(SERVER_MS + 5000), date: dateAfter(SERVER_MS) },
      { 'retry-after': dateAfter(START_MS + 5000) }
    ]) {
      const { auth, server, time } = await loggedIn(t)
      server.expire()
      server.script('/auth/refresh', () => json(503, {}, headers as Record<string, string>))
      t.equal((await time.until(auth.fetch('/me'))).status, 200)
      t.ok(time.nowMs >= 5000 && time.nowMs <= 6000, `${time.nowMs}`)
    }
  }
)

t.test('an error names status, code and address, also while the client waits for Retry-After', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => unavailable('120'))
  const error = {
    ...UNAVAILABLE,
    message: 'POST https://api.example.com/auth/refresh: 503 FRT_ERR_STORE_UNAVAILABLE'
  }
  await t.rejects(time.until(auth.fetch('/me')), error)
  await t.rejects(time.until(auth.fetch('/me')), error)
  await time.pass(122_000)
  server.script('/auth/refresh', () => new Response('no', { status: 400 }))
  await t.rejects(time.until(auth.fetch('/me')), {
    message: 'POST https://api.example.com/auth/refresh: 400'
  })
})

t.test('a 503 without JSON keeps its Retry-After', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script(
    '/auth/refresh',
    () => new Response('<h1>Maintenance</h1>', { status: 503, headers: { 'retry-after': '7' } })
  )
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.ok(time.nowMs >= 7000)
})

for (const value of ['Wed, 21 Oct 2015 07:28:00 GMT', 'soon', '', '-7']) {
  t.test(`a Retry-After of ${JSON.stringify(value)} is ignored`, async (t) => {
    const { auth, server, time } = await loggedIn(t)
    server.expire()
    server.script('/auth/refresh', () => unavailable(value))
    t.equal((await time.until(auth.fetch('/me'))).status, 200)
    t.ok(time.nowMs >= 500 && time.nowMs <= 1000, `${time.nowMs}`)
  })
}

t.test('pauses grow, and half of each is random', async (t) => {
  const pausesWith = async (random: number) => {
    const { auth, server, time } = await loggedIn(t, {}, { random: () => random })
    server.expire()
    const attemptedAt: number[] = []
    server.script(
      '/auth/refresh',
      ...times(3, () => {
        attemptedAt.push(time.nowMs)
        return unavailable()
      })
    )
    await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
    return [attemptedAt[1]! - attemptedAt[0]!, attemptedAt[2]! - attemptedAt[1]!]
  }
  t.same(await pausesWith(0), [500, 1000])
  t.same(await pausesWith(1), [1000, 2000])
})

t.test('many requests during an outage cause three refresh attempts', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', ...times(3, () => unavailable('1')))
  const responses = await time.until(Promise.allSettled(Array.from({ length: 50 }, () => auth.fetch('/me'))))
  t.ok(responses.every(({ status }) => status === 'rejected'))
  t.equal(server.count('/auth/refresh'), 3)
  t.same(ends, [])
})

t.test('onSessionEnd is not called if there was no session', async (t) => {
  const { open, server, time } = openBrowser(t)
  const { auth, ends } = open()
  server.script('/auth/refresh', () => unauthorized('FRT_ERR_NO_REFRESH_TOKEN'))
  t.equal(await time.until(auth.getAccessToken()), null)
  t.equal((await time.until(auth.fetch('/me'))).status, 401)
  t.same(ends, [])
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a refresh whose response is lost is reattemptedAt with the same refresh token', async (t) => {
  const storage = new MemoryStorage()
  const { auth, server, time, ends } = await loggedIn(t, { transport: bodyTransport(storage) })
  server.expire()
  server.script('/auth/refresh', () => {
    server.issue()
    return networkError()
  })
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.same(
    server.callsTo('/auth/refresh').map(({ body }) => JSON.parse(body)),
    [{ refresh_token: 'refresh-1' }, { refresh_token: 'refresh-1' }]
  )
  t.equal(storage.value, 'refresh-3')
  t.same(ends, [])
})

t.test('a request without a response is aborted after ten seconds and reattemptedAt', async (t) => {
  const { auth, server, time, ends } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Promise(() => {}))
  t.equal((await time.until(auth.fetch('/me'))).status, 200)
  t.equal(server.count('/auth/refresh'), 2)
  t.ok(time.nowMs >= 10_000 && time.nowMs < 12_000)
  t.same(ends, [])
})

t.test('a response whose body does not end is aborted and reattemptedAt', async (t) => {
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

t.test('the connection of a 401 is released if its refresh fails', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  let isReleased = false
  const body = new ReadableStream({
    cancel() {
      isReleased = true
    }
  })
  const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
  server.script('/me', () => new Response(body, { status: 401, headers }))
  server.script('/auth/refresh', ...times(3, networkError))
  await t.rejects(time.until(auth.fetch('/me')), UNAVAILABLE)
  t.ok(isReleased)
})
