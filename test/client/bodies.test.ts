import t from 'tap'
import { json } from './support/scripted-server.js'
import { loggedIn, ORIGIN } from './support/tab.js'

const bodies: [string, () => NonNullable<RequestInit['body']>, string | RegExp][] = [
  ['a string', () => 'hello', 'hello'],
  ['form parameters', () => new URLSearchParams({ a: '1' }), 'a=1'],
  ['a Blob', () => new Blob(['blob']), 'blob'],
  ['bytes', () => new TextEncoder().encode('bytes'), 'bytes'],
  ['a FormData', () => Object.assign(new FormData(), {}), /^--/]
]

for (const [kind, body, expected] of bodies) {
  t.test(`${kind} is sent again completely, as init.body and in a Request`, async (t) => {
    const { auth, server, time } = await loggedIn(t)
    const init = { method: 'POST', body: body() }
    if (init.body instanceof FormData) init.body.set('field', 'value')
    for (const send of [() => auth.fetch('/me', init), () => auth.fetch(new Request(`${ORIGIN}/me`, init))]) {
      server.expire()
      t.equal((await time.until(send())).status, 200)
      const [first, second] = server.callsTo('/me').slice(-2)
      t.equal(first?.headers.get('authorization') !== second?.headers.get('authorization'), true)
      for (const call of [first, second]) t.match(call?.body, expected)
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

t.test('a stream causes a refresh first if the token expires soon', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(250_000)
  await time.until(auth.fetch('/me'))
  t.equal(server.count('/auth/refresh'), 0, '50 s are enough for other bodies')
  const response = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.match(await response.json(), { token: 'token-2', body: 'streamed' })
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a rejected stream is not sent again, and the caller gets the 401', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const response = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.equal(response.status, 401)
  t.match(await response.json(), { code: 'FRT_ERR_ACCESS_TOKEN_EXPIRED' })
  t.equal(server.count('/me'), 1)
  await time.settle()
  t.equal(server.count('/auth/refresh'), 1, 'the refresh runs for the next call')
  t.equal((await time.until(auth.fetch('/me', { method: 'POST', body: stream('again') }))).status, 200)
})

t.test('a failed refresh after a rejected stream causes no error', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  server.script('/auth/refresh', () => new Response('', { status: 404 }))
  const response = await time.until(auth.fetch('/me', { method: 'POST', body: stream('streamed') }))
  t.equal(response.status, 401)
  await time.settle()
})

t.test('an async iterable is treated as a stream', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  await time.pass(250_000)
  async function* parts() {
    yield new TextEncoder().encode('part')
  }
  const init = { method: 'POST', body: parts(), duplex: 'half' } as unknown as RequestInit
  t.equal((await time.until(auth.fetch('/me', init))).status, 200)
  t.equal(server.count('/auth/refresh'), 1)
})

t.test('a Request is sent with its own properties and those of the call', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const request = new Request(`${ORIGIN}/me?a=1`, {
    method: 'PUT',
    headers: { 'x-own': 'mine' },
    body: 'old'
  })
  await time.until(auth.fetch(request, { body: 'new', headers: { 'x-added': 'too' } }))
  for (const call of server.callsTo('/me')) {
    t.equal(call.url, `${ORIGIN}/me?a=1`)
    t.equal(call.method, 'PUT')
    t.equal(call.body, 'new')
    t.equal(call.headers.get('x-added'), 'too')
  }
  t.equal(server.count('/me'), 2)
})

t.test('fetch accepts URL objects, relative URLs and absolute URLs', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  for (const address of [new URL(`${ORIGIN}/me`), '/me', 'me', `${ORIGIN}/me`, './me#part']) {
    t.equal((await time.until(auth.fetch(address))).status, 200)
    t.equal(server.calls.at(-1)?.path, '/me')
  }
})

t.test('headers in any form are sent unchanged', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  for (const headers of [{ 'x-a': '1' }, [['x-a', '1']] as [string, string][], new Headers({ 'x-a': '1' })]) {
    await time.until(auth.fetch('/me', { headers }))
    t.equal(server.calls.at(-1)?.headers.get('x-a'), '1')
    t.equal(server.calls.at(-1)?.headers.get('authorization'), 'Bearer token-1')
  }
  const headers = new Headers({ 'x-a': '1' })
  await time.until(auth.fetch('/me', { headers }))
  t.equal(headers.has('authorization'), false, 'the headers of the caller are unchanged')
})

t.test(
  'a Request as the second argument has its method, headers and body, as with the native fetch',
  async (t) => {
    const { auth, server, time } = await loggedIn(t)
    server.expire()
    const request = new Request('https://api.example.com/ignored', {
      method: 'PUT',
      headers: { 'x-own': 'yes' },
      body: 'some text'
    })
    t.equal((await time.until(auth.fetch('/echo', request))).status, 200)
    t.same(
      server.callsTo('/echo').map(({ method, headers, body }) => [method, headers.get('x-own'), body]),
      Array(2).fill(['PUT', 'yes', 'some text'])
    )
  }
)

t.test('a Request of another frame is sent to its own address', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  server.expire()
  const { Request } = globalThis
  const foreign = new Request('https://api.example.com/echo', { method: 'POST', body: 'some text' })
  // The class of this frame is another one.
  globalThis.Request = class extends Request {}
  t.teardown(() => {
    globalThis.Request = Request
  })
  t.equal((await time.until(auth.fetch(foreign))).status, 200)
  t.same(
    server.calls
      .filter(({ method, body }) => method === 'POST' && body === 'some text')
      .map(({ url }) => url),
    Array(2).fill('https://api.example.com/echo')
  )
})

t.test('null as the second argument is accepted, as with the native fetch', async (t) => {
  const { auth, time } = await loggedIn(t)
  t.equal((await time.until(auth.fetch('/me', null as never))).status, 200)
  t.equal((await time.until(auth.fetch('/me', { body: null }))).status, 200)
})

t.test('headers that can be read only once are sent, in each attempt and to each origin', async (t) => {
  const { auth, server, time } = await loggedIn(t)
  const headers = () => new Map([['x-a', '1']]).entries() as unknown as HeadersInit
  server.expire()
  await time.until(auth.fetch('/me', { headers: headers() }))
  server.script('/elsewhere', () => json(200, {}))
  await time.until(auth.fetch('https://other.example.com/elsewhere', { headers: headers() }))
  t.same(
    [...server.callsTo('/me'), ...server.callsTo('/elsewhere')].map((call) => call.headers.get('x-a')),
    ['1', '1', '1']
  )
})
