import t, { type Test } from 'tap'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { Clock } from '../support/clock.js'
import { eventually } from '../support/eventually.js'
import { type Endpoint, json, startEndpoint } from '../support/jwks-endpoint.js'
import { GENERATE, type Pair, publicPem } from '../support/key-pairs.js'
import { buildResourceServer, sign, startIssuer } from '../support/resource-server.js'
import { deferred } from '../support/timers.js'

const [a, b] = [GENERATE.EdDSA(), GENERATE.EdDSA()]
const MINUTE = 60_000

function jwk({ publicKey }: Pair): object {
  return { ...publicKey.export({ format: 'jwk' }), kid: thumbprint(publicKey), alg: 'EdDSA', use: 'sig' }
}

function listing(...pairs: Pair[]) {
  return json({ keys: pairs.map(jwk) }, { 'cache-control': 'public, max-age=300' })
}

/** Starts a resource server, a JWKS endpoint and a clock for both. */
async function withEndpoint(t: Test, answer: Endpoint['answer']) {
  const clock = new Clock().mockDate(t)
  const endpoint = await startEndpoint(t, answer)
  return { clock, endpoint, ...(await buildResourceServer(t, { jwksUri: endpoint.uri })) }
}

const fail: Endpoint['answer'] = (_, response) => response.writeHead(500).end()

t.test('a key rotation rejects only tokens of the removed key', async (t) => {
  const issuer = await startIssuer(t, { algorithm: 'EdDSA', keys: [a.privateKey] })
  const { status } = await buildResourceServer(t, { jwksUri: issuer.jwksUri })
  const rejected: string[] = []
  let newest = await issuer.token()
  const pass = async (step: string, ms: number) => {
    for (let left = ms; left > 0; left -= 20_000) {
      await issuer.advance(20_000)
      // The older token and a new one.
      for (const token of [newest, await issuer.token()]) {
        if ((await status(token)) !== 200) rejected.push(step)
        newest = token
      }
    }
  }
  await pass('before', 2 * MINUTE)
  await issuer.app.sessions.rotateKeys([a.privateKey, b.publicKey])
  await pass('added', 5 * MINUTE)
  await issuer.app.sessions.rotateKeys([b.privateKey, a.publicKey])
  const last = newest
  await pass('signing', 5 * MINUTE)
  await issuer.app.sessions.rotateKeys([b.privateKey])
  await pass('retired', 6 * MINUTE)
  t.same(rejected, [])

  const withOld = await sign(a)
  t.equal(await status(withOld), 401, 'the retired key is no longer in the list')
  t.equal(await status(last), 401)
})

t.test('a token with an unknown key loads the JWKS', async (t) => {
  const { endpoint, status, clock } = await withEndpoint(t, listing(a))
  t.equal(endpoint.asked, 1, 'at the start')
  t.equal(await status(await sign(a)), 200)
  endpoint.answer = listing(a, b)
  t.equal(await status(await sign(b)), 401, 'not loaded again during the cooldown')
  clock.advance(30_000)
  const tokens = await Promise.all(Array.from({ length: 20 }, () => sign(b)))
  t.same(new Set(await Promise.all(tokens.map(status))), new Set([200]))
  t.equal(endpoint.asked, 2, 'one request for all concurrent calls')
})

t.test('unknown kids trigger at most one JWKS request per 30 seconds', async (t) => {
  const { endpoint, status, clock, app } = await withEndpoint(t, listing(a))
  const flood = async () => {
    const unknown = await Promise.all(
      Array.from({ length: 30 }, (_, i) => sign(b, { header: { kid: `forged-${i}` } }))
    )
    const honest = await sign(a)
    const all = await Promise.all([...unknown, honest].map(status))
    t.equal(all.pop(), 200)
    t.same(new Set(all), new Set([401]))
  }
  for (let i = 1; i <= 3; i++) {
    await flood()
    t.equal(endpoint.asked, i)
    clock.advance(30_000)
  }
  // A header that no key of the issuer produces causes no request.
  const [, payload, signature] = (await sign(a)).split('.')
  const requests = endpoint.asked
  const encode = (header: unknown) => Buffer.from(JSON.stringify(header)).toString('base64url')
  const headers: unknown[] = [
    null,
    'x',
    { alg: 'HS256', typ: 'at+jwt', kid: 'x' },
    { alg: 'EdDSA', typ: 'JWT', kid: 'x' },
    { alg: 'EdDSA', typ: 'at+jwt' },
    { alg: 'EdDSA', typ: 'at+jwt', kid: 1 },
    { alg: 'EdDSA', typ: 'at+jwt', kid: 'x', jku: endpoint.uri },
    { typ: 'at+jwt', alg: 'EdDSA', kid: 'x' }
  ]
  for (const header of headers) t.equal(await status(`${encode(header)}.${payload}.${signature}`), 401)
  for (const token of ['x', '..', `e30.${payload}`]) t.equal(await status(token), 401)
  t.equal(endpoint.asked, requests)
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('unknown kids trigger few JWKS requests while the endpoint fails', async (t) => {
  const { endpoint, status, clock } = await withEndpoint(t, listing(a))
  endpoint.answer = fail
  clock.advance(30_000)
  const forged = await Promise.all(['x', 'y'].map((kid) => sign(b, { header: { kid } })))
  const requestedAfter: number[] = []
  for (let second = 0; second <= 100; second++) {
    const before = endpoint.asked
    for (const token of forged) t.equal(await status(token), 503)
    for (let asked = before; asked < endpoint.asked; asked++) requestedAfter.push(second)
    clock.advance(1000)
  }
  // The pauses are 1, 2, 4, 8, 16 and then 30 seconds.
  t.same(requestedAfter, [0, 1, 3, 7, 15, 31, 61, 91])
})

t.test('the server starts without keys and returns 503 until they are loaded', async (t) => {
  const { endpoint, status, clock, app, logs } = await withEndpoint(t, fail)
  const authorization = `Bearer ${await sign(a)}`
  const response = await app.inject({ url: '/me', headers: { authorization } })
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FRT_ERR_KEYS_UNAVAILABLE')
  t.equal(response.headers['retry-after'], '1')
  t.notOk('www-authenticate' in response.headers)
  t.equal(await status('x'), 401, 'an unsupported header returns 401')
  t.equal((await app.inject('/me')).statusCode, 401)

  // The pauses between two requests increase.
  const loadedAfter: number[] = []
  for (let second = 1; second <= 100; second++) {
    clock.advance(1000)
    const before = endpoint.asked
    await status(await sign(a))
    if (endpoint.asked > before) loadedAfter.push(second)
  }
  t.same(loadedAfter, [1, 3, 7, 15, 31, 61, 91])
  t.same(logs.filter(({ event }) => event === 'jwks_unavailable').length, 1, 'logged once')

  endpoint.answer = listing(a)
  clock.advance(30_000)
  t.equal(await status(await sign(a)), 200)
  t.equal(await status(await sign(b)), 401, 'the endpoint has said so')
  t.ok(logs.some(({ event }) => event === 'jwks_recovered'))
})

t.test('the log does not contain a response that is not HTTP', async (t) => {
  const { logs } = await withEndpoint(t, ({ socket }) => socket.end('-ERR AUTH very-secret'))
  const { err } = logs.find(({ event }) => event === 'jwks_unavailable') ?? {}
  t.match(err, { message: /^Parse Error/, code: 'HPE_INVALID_CONSTANT' })
  const { type, message, stack, code, ...quoted } = Object(err)
  t.same(quoted, {})
})

t.test('the keys stay valid for one day while the endpoint fails', async (t) => {
  const { endpoint, status, clock } = await withEndpoint(t, listing(a))
  endpoint.answer = fail
  clock.advance(23 * 60 * MINUTE)
  t.equal(await status(await sign(a)), 200)
  t.equal(await status(await sign(b)), 503, 'an unknown key may be valid, so the response is not a 401')
  clock.advance(60 * MINUTE)
  t.equal(await status(await sign(a)), 503)
  endpoint.answer = listing(a)
  clock.advance(MINUTE)
  t.equal(await status(await sign(a)), 200, 'a request that needs the response waits for it')
})

t.test('a token with a known key does not wait for an endpoint that hangs', async (t) => {
  const { endpoint, status, clock } = await withEndpoint(t, listing(a))
  endpoint.answer = fail
  clock.advance(5 * MINUTE)
  t.equal(await status(await sign(a)), 200)
  const requests = endpoint.asked
  const events: string[] = []
  // The server gives up the request after five seconds.
  endpoint.answer = (_, response) => response.once('close', () => events.push('JWKS request given up'))
  clock.advance(MINUTE)
  t.equal(await status(await sign(a)), 200)
  events.push('guarded route answered')
  for (let i = 0; i < 20; i++) {
    t.equal(await status(await sign(a)), 200)
    clock.advance(1000)
  }
  t.equal(events[0], 'guarded route answered')
  await eventually(() => endpoint.asked === requests + 1)
})

t.test('a key that is no longer listed is rejected, even for cached tokens', async (t) => {
  const { endpoint, status, clock, logs } = await withEndpoint(t, listing(a, b))
  const tokenOf = (pair: Pair) => sign(pair, { claims: { exp: Math.floor(Date.now() / 1000) + 86_400 } })
  const [one, other] = [await tokenOf(a), await tokenOf(b)]
  t.same([await status(one), await status(other)], [200, 200])
  endpoint.answer = listing(b)
  clock.advance(5 * MINUTE - 1000)
  t.same([await status(one), await status(other)], [200, 200])
  clock.advance(1000)
  t.same([await status(one), await status(other)], [401, 200])
  t.same(logs.findLast(({ event }) => event === 'jwks_keys')?.kids, [thumbprint(b.publicKey)])

  endpoint.answer = listing()
  clock.advance(5 * MINUTE)
  t.same([await status(one), await status(other)], [503, 503], 'none is left')
  t.ok(logs.some(({ msg }) => msg === 'JWKS has no key for EdDSA'))
})

t.test('a response is fresh for at least one minute and at most one hour', async (t) => {
  const rows: [cacheControl: string, keptMs: number][] = [
    ['no-store', MINUTE],
    ['max-age=1', MINUTE],
    ['max-age=120', 2 * MINUTE],
    ['public', 5 * MINUTE],
    ['max-age=31536000', 60 * MINUTE],
    [`max-age=${'9'.repeat(400)}`, 60 * MINUTE]
  ]
  const { endpoint, status, clock } = await withEndpoint(t, listing(a))
  for (const [cacheControl, keptMs] of rows) {
    endpoint.answer = json({ keys: [jwk(a)] }, { 'cache-control': cacheControl })
    clock.advance(60 * MINUTE)
    await status(await sign(a))
    const requests = endpoint.asked
    clock.advance(keptMs - 1000)
    await status(await sign(a))
    t.equal(endpoint.asked, requests, `${cacheControl}: fresh`)
    clock.advance(1000)
    await status(await sign(a))
    t.equal(endpoint.asked, requests + 1, `${cacheControl}: loaded again`)
  }
})

t.test('equal keys keep the cache and are not logged', async (t) => {
  const { endpoint, status, clock, logs } = await withEndpoint(t, listing(a))
  for (let i = 0; i < 3; i++) {
    clock.advance(5 * MINUTE)
    t.equal(await status(await sign(a)), 200)
  }
  t.equal(endpoint.asked, 4)
  t.equal(logs.filter(({ event }) => event === 'jwks_keys').length, 1)
})

t.test('a malformed response adds no keys and removes none', async (t) => {
  const { endpoint, status, clock, logs } = await withEndpoint(t, listing(a))
  const malformed: Endpoint['answer'][] = [
    (_, response) => response.end('<html>'),
    (_, response) => response.end(publicPem(b)),
    json({ error: 'not found' }),
    json([jwk(b)]),
    json({ keys: jwk(b) }),
    json({ keys: [jwk(b)], filler: 'x'.repeat(70_000) }),
    (request) => request.socket.destroy(),
    (_, response) => response.writeHead(302, { location: endpoint.uri }).end(),
    (_, response) => response.writeHead(201).end(JSON.stringify({ keys: [jwk(b)] }))
  ]
  for (const answer of malformed) {
    endpoint.answer = answer
    clock.advance(5 * MINUTE)
    const requests = endpoint.asked
    t.equal(await status(await sign(b)), 503)
    t.equal(endpoint.asked, requests + 1)
    t.equal(await status(await sign(a)), 200)
  }
  t.notOk(logs.some((line) => JSON.stringify(line).includes(publicPem(b).slice(30, 60))))
})

t.test('entries that are not public keys of the algorithm are ignored', async (t) => {
  const es256 = GENERATE.ES256()
  const { endpoint, status, clock, logs } = await withEndpoint(t, listing(a))
  const kid = thumbprint(b.publicKey)
  const hostile: object[] = [
    { kty: 'oct', kid, k: Buffer.alloc(32).toString('base64url') },
    { kty: 'oct', kid, alg: 'EdDSA', k: Buffer.alloc(32).toString('base64url') },
    { ...b.privateKey.export({ format: 'jwk' }), kid },
    { ...es256.publicKey.export({ format: 'jwk' }), kid },
    { ...jwk(b), use: 'enc' },
    { ...jwk(b), alg: 'HS256' }
  ]
  for (const key of hostile) {
    endpoint.answer = json({ keys: [key, jwk(a)] })
    clock.advance(5 * MINUTE)
    t.equal(await status(await sign(b)), 401, JSON.stringify(Object.keys(key)))
    t.equal(await status(await sign(es256, { algorithm: 'ES256', header: { kid } })), 401)
    t.equal(await status(await sign(a)), 200)
  }
  t.equal(logs.filter(({ event }) => event === 'jwks_private_key').length, 1)
})

t.test('an endpoint that starts later is used', async (t) => {
  const { endpoint, status, clock } = await withEndpoint(t, (request) => request.socket.destroy())
  t.equal(await status(await sign(a)), 503)
  const held = deferred<void>()
  endpoint.answer = (request, response) => {
    void held.promise.then(() => listing(a)(request, response))
  }
  clock.advance(1000)
  const tokens = await Promise.all(Array.from({ length: 10 }, () => sign(a)))
  const statuses = Promise.all(tokens.map(status))
  await eventually(() => endpoint.asked === 2)
  held.resolve()
  t.same(new Set(await statuses), new Set([200]), 'all who came meanwhile wait for the same answer')
  t.equal(endpoint.asked, 2)
})
