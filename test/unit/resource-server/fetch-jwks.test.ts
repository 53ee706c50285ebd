import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { fetchJwks } from '../../../lib/resource-server/fetch-jwks.js'
import { json, startEndpoint } from '../../support/jwks-endpoint.js'

t.test('returns the keys and the time for which they are fresh', async (t) => {
  const endpoint = await startEndpoint(t)
  const rows: [headers: Record<string, string>, maxAgeMs: number | undefined][] = [
    [{}, undefined],
    [{ 'cache-control': 'public' }, undefined],
    [{ 'cache-control': 'max-age=never' }, undefined],
    [{ 'cache-control': 'public, max-age=300' }, 300_000],
    [{ 'cache-control': 'Public,Max-Age="60",immutable' }, 60_000],
    [{ 'cache-control': 'max-age=300', age: '290' }, 10_000],
    [{ 'cache-control': 'max-age=300', age: 'old' }, 300_000],
    [{ 'cache-control': 'max-age=300, no-store' }, 0],
    [{ 'cache-control': 'no-cache' }, 0]
  ]
  for (const [headers, maxAgeMs] of rows) {
    endpoint.answer = json({ keys: [{ kid: '1' }], more: true }, headers)
    t.same(await fetchJwks(endpoint.uri), { keys: [{ kid: '1' }], maxAgeMs })
  }
})

t.test('accepts JSON, and sends no credentials', async (t) => {
  const endpoint = await startEndpoint(t, (request, response) =>
    json({ keys: [request.headers] })(request, response)
  )
  const { keys } = await fetchJwks(endpoint.uri)
  t.match(keys, [
    { accept: 'application/jwk-set+json, application/json', authorization: undefined, cookie: undefined }
  ])
})

t.test('rejects a response that is not a JWK Set, without its text in the message', async (t) => {
  const endpoint = await startEndpoint(t)
  const secret = 'very-secret'
  for (const body of [
    '',
    secret,
    `{"keys": [${secret}`,
    'null',
    '1',
    '"keys"',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":null}'
  ]) {
    endpoint.answer = (_, response) => response.end(body)
    await t.rejects(fetchJwks(endpoint.uri), { message: 'the response is not a JWK Set' }, body)
  }
})

t.test('rejects each status other than 200', async (t) => {
  const endpoint = await startEndpoint(t)
  for (const status of [201, 204, 304, 400, 404, 429, 500, 503]) {
    endpoint.answer = (_, response) =>
      response.writeHead(status).end(status === 204 ? undefined : '{"keys":[]}')
    await t.rejects(fetchJwks(endpoint.uri), { message: `the response has status ${status}` })
  }
})

t.test('closes the connection after a rejected response', async (t) => {
  let isClosed: Promise<unknown> | undefined
  const endpoint = await startEndpoint(t, (_, response) => {
    isClosed = once(response, 'close')
    response.writeHead(500).write('more text')
  })
  await t.rejects(fetchJwks(endpoint.uri, 600_000))
  await isClosed
})

t.test('does not follow a redirect', async (t) => {
  const other = await startEndpoint(t, json({ keys: [] }))
  const endpoint = await startEndpoint(t, (_, response) =>
    response.writeHead(302, { location: other.uri }).end()
  )
  await t.rejects(fetchJwks(endpoint.uri))
  t.equal(other.asked, 0)
})

t.test('rejects a response as soon as it is too large', async (t) => {
  const endpoint = await startEndpoint(t)
  const large = JSON.stringify({ keys: [], filler: 'x'.repeat(64 * 1024) })
  const tooLarge = { message: 'the response has more than 65536 bytes' }

  endpoint.answer = (_, response) => response.end(large)
  await t.rejects(fetchJwks(endpoint.uri), tooLarge)

  // A response that never ends.
  endpoint.answer = (_, response) => {
    const more = () => response.writable && response.write(large, () => setImmediate(more))
    more()
  }
  await t.rejects(fetchJwks(endpoint.uri), tooLarge)
})

t.test('accepts a response of the maximum size', async (t) => {
  const empty = JSON.stringify({ keys: [], filler: '' }).length
  const endpoint = await startEndpoint(t, json({ keys: [], filler: 'x'.repeat(64 * 1024 - empty) }))
  t.same((await fetchJwks(endpoint.uri)).keys, [])

  endpoint.answer = json({ keys: Array(100).fill({}) })
  t.equal((await fetchJwks(endpoint.uri)).keys.length, 100)
  endpoint.answer = json({ keys: Array(101).fill({}) })
  await t.rejects(fetchJwks(endpoint.uri), { message: 'the response has more than 100 keys' })
})

t.test('rejects a response that is not complete in time, even during garbage collection', async (t) => {
  setFlagsFromString('--expose-gc')
  const collecting = setInterval(runInNewContext('gc'), 10)
  t.after(() => clearInterval(collecting))
  const timeout = { message: 'no complete response within 200 ms' }
  const endpoint = await startEndpoint(t, () => {})
  await t.rejects(fetchJwks(endpoint.uri, 200), timeout)

  // A slow response does not extend the time limit.
  let isClosed: Promise<unknown> | undefined
  endpoint.answer = (_, response) => {
    const drip = setInterval(() => response.write(' '), 10)
    isClosed = once(response, 'close').then(() => clearInterval(drip))
  }
  await t.rejects(fetchJwks(endpoint.uri, 200), timeout)
  await isClosed
})

t.test('rejects a switch to another protocol', async (t) => {
  const endpoint = await startEndpoint(t, ({ socket }) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n')
  })
  await t.rejects(fetchJwks(endpoint.uri, 200), { message: 'no complete response within 200 ms' })
})

t.test('rejects a refused or interrupted connection', async (t) => {
  const endpoint = await startEndpoint(t, (request) => request.socket.destroy())
  await t.rejects(fetchJwks(endpoint.uri))
  endpoint.answer = (request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{"keys":[]}', () => request.socket.destroy())
  }
  await t.rejects(fetchJwks(endpoint.uri))
  await t.rejects(fetchJwks('http://127.0.0.1:1/jwks'), { code: 'ECONNREFUSED' })
})

t.test('rejects plain HTTP from an https URL', async (t) => {
  const endpoint = await startEndpoint(t, json({ keys: [] }))
  await t.rejects(fetchJwks(endpoint.uri.replace('http:', 'https:')), { code: /SSL|EPROTO/ })
  t.equal(endpoint.asked, 0)
})
