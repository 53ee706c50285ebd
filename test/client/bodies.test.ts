import t from 'tap'
import { loggedIn, ORIGIN } from './support/tab.js'

const bodies: [string, () => NonNullable<RequestInit['body']>, string | RegExp][] = [
  ['a string', () => 'hello', 'hello'],
  ['form parameters', () => new URLSearchParams({ a: '1' }), 'a=1'],
  ['a Blob', () => new Blob(['blob']), 'blob'],
  ['bytes', () => new TextEncoder().encode('bytes'), 'bytes'],
  ['a FormData', () => Object.assign(new FormData(), {}), /^--/]
]

for (const [what, body, seen] of bodies) {
  t.test(`row 10: ${what} is sent again in full, by a call and in a Request`, async (t) => {
    const { auth, server, time } = await loggedIn(t)
    const init = { method: 'POST', body: body() }
    if (init.body instanceof FormData) init.body.set('field', 'value')
    for (const send of [() => auth.fetch('/me', init), () => auth.fetch(new Request(`${ORIGIN}/me`, init))]) {
      server.expire()
      t.equal((await time.until(send())).status, 200)
      const [first, second] = server.to('/me').slice(-2)
      t.equal(first?.headers.get('authorization') !== second?.headers.get('authorization'), true)
      for (const call of [first, second]) t.match(call?.body, seen)
      t.equal(
        first?.headers.get('content-type')?.split(';')[0],
        second?.headers.get('content-type')?.split(';')[0]
      )
    }
  })
}

function stream(text: string): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    }
  })
}

t.test('row 10: a one-shot stream refreshes first where the token is near its end', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(250_000)
  await time.until(auth.fetch('/me'))
  t.equal(server.count('/auth/refresh'), 0, 'for another body 50 s are enough')
  const answer = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.match(await answer.json(), { token: 'token-2', body: 'streamed' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('row 10: a one-shot stream that is refused is not replayed: the caller gets the 401', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const answer = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  t.equal(server.count('/me'), 1)
  await time.settle()
  t.equal(server.count('/auth/refresh'), 1, 'the next one will do')
  t.equal((await time.until(auth.fetch('/me', { method: 'POST', body: stream('again') }))).status, 200)
})

t.test('row 10: a refresh behind a refused stream may fail, and nobody is hurt', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Response('', { status: 404 }))
  const answer = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.equal(answer.status, 401)
  await time.settle()
})

t.test('row 10: an async iterable is a stream', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(250_000)
  async function* parts() {
    yield new TextEncoder().encode('part')
  }
  const init = { method: 'POST', body: parts(), duplex: 'half' } as unknown as RequestInit
  t.equal((await time.until(auth.fetch('/me', init))).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a Request goes with all it has, and what the call adds', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const request = new Request(`${ORIGIN}/me?a=1`, {
    method: 'PUT',
    headers: { 'x-own': 'mine' },
    body: 'old'
  })
  await time.until(auth.fetch(request, { body: 'new', headers: { 'x-added': 'too' } }))
  for (const call of server.to('/me')) {
    t.equal(call.url, `${ORIGIN}/me?a=1`)
    t.equal(call.method, 'PUT')
    t.equal(call.body, 'new')
    t.equal(call.headers.get('x-added'), 'too')
  }
  t.equal(server.count('/me'), 2)
})

t.test('addresses: URL objects, relative ones, absolute ones', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  for (const address of [new URL(`${ORIGIN}/me`), '/me', 'me', `${ORIGIN}/me`, './me#part']) {
    t.equal((await time.until(auth.fetch(address))).status, 200)
    t.equal(server.calls.at(-1)?.path, '/me')
  }
})

t.test('headers in any form keep what they hold', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  for (const headers of [{ 'x-a': '1' }, [['x-a', '1']] as [string, string][], new Headers({ 'x-a': '1' })]) {
    await time.until(auth.fetch('/me', { headers }))
    t.equal(server.calls.at(-1)?.headers.get('x-a'), '1')
    t.equal(server.calls.at(-1)?.headers.get('authorization'), 'Bearer token-1')
  }
  const headers = new Headers({ 'x-a': '1' })
  await time.until(auth.fetch('/me', { headers }))
  t.equal(headers.has('authorization'), false, 'the caller’s own stay as they are')
})
