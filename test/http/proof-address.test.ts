import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { mock } from 'node:test'
import type { FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import type { BindingOptions } from '../../lib/index.js'
import { createProof } from '../../lib/testing/index.js'
import { buildApp, listen } from '../support/build-app.js'
import { createKey, proofWith } from '../support/proofs.js'

// The address in a proof (`htu`) must be the one that the client has used (RFC 9449, section 4.3).

const MINUTE = 60_000
const key = createKey()

/** Builds an app. `logIn` sends a login whose proof is for an address. */
async function build(t: Test, address?: BindingOptions['address'], server: FastifyServerOptions = {}) {
  const built = await buildApp(t, { options: { binding: { address } }, server })
  async function logIn(htu: string, url = '/auth/login', headers: Record<string, string> = {}) {
    const dpop = proofWith({ key, claims: { htu } })
    const sent = { host: 'app.example.com', dpop, ...headers }
    const response = await built.app.inject({ method: 'POST', url, headers: sent, payload: { sub: 'ada' } })
    return response.statusCode
  }
  return { ...built, logIn }
}

t.test('host and path must be equal, after normalization', async (t) => {
  const { logIn } = await build(t)
  for (const htu of [
    'https://app.example.com/auth/login',
    'http://app.example.com/auth/login',
    'https://APP.example.com:443/auth/login',
    'http://app.example.com:80/auth/login',
    'https://app.example.com/auth/./x/../login',
    'https://app.example.com/auth/login?query#fragment'
  ]) {
    t.equal(await logIn(htu), 200, htu)
  }
  for (const htu of [
    'https://app.example.com/auth/refresh',
    'https://app.example.com/auth/login/',
    'https://app.example.com/Auth/login',
    'https://app.example.com:8443/auth/login',
    'https://example.com/auth/login',
    'https://x@app.example.com/auth/login',
    'wss://app.example.com/auth/login',
    '//app.example.com/auth/login',
    ''
  ]) {
    t.equal(await logIn(htu), 401, htu)
  }
})

t.test('the query of the request does not matter', async (t) => {
  const { logIn } = await build(t)
  t.equal(await logIn('https://app.example.com/auth/login', '/auth/login?next=//evil.example'), 200)
  t.equal(await logIn('https://app.example.com/auth/login?x', '/auth/login?y'), 200)
})

t.test('a path does not change the host', async (t) => {
  const { app } = await buildApp(t, {
    extend: (app) => app.post('/*', (_request, reply) => reply.startSession({ sub: 'ada' }))
  })
  const start = (htu: string) =>
    app.inject({ method: 'POST', url: '//start', headers: { dpop: proofWith({ key, claims: { htu } }) } })
  t.equal((await start('http://start/')).statusCode, 401)
  t.equal((await start('http://start')).statusCode, 401)
})

t.test('behind a proxy that is trusted, the host is the forwarded one', async (t) => {
  const { logIn } = await build(t, undefined, { trustProxy: true })
  const forwarded = { 'x-forwarded-host': 'public.example', 'x-forwarded-proto': 'https' }
  t.equal(await logIn('https://public.example/auth/login', undefined, forwarded), 200)
  t.equal(await logIn('https://app.example.com/auth/login', undefined, forwarded), 401)
})

t.test('the option returns the addresses behind a proxy that changes host or path', async (t) => {
  const { logIn } = await build(t, ({ originalUrl }) => [
    `https://public.example/api${originalUrl}`,
    'not an address'
  ])
  t.equal(await logIn('https://public.example/api/auth/login'), 200)
  t.equal(await logIn('https://app.example.com/auth/login'), 401)
  t.equal(await logIn('not an address'), 401)
})

t.test('the option can return one address', async (t) => {
  const { logIn } = await build(t, () => 'https://public.example/login')
  t.equal(await logIn('https://public.example/login'), 200)
})

for (const result of [undefined, null, 7, [7], Promise.resolve('https://public.example/')]) {
  t.test(`an option that returns ${typeof result} causes 500`, async (t) => {
    const { logIn } = await build(t, (() => result) as never)
    t.equal(await logIn('https://app.example.com/auth/login'), 500)
  })
}

t.test('a mismatch is logged once a minute, with both addresses', async (t) => {
  // A whole number, so that sums are exact.
  let nowMs = Math.ceil(performance.now())
  const monotonic = mock.method(performance, 'now', () => nowMs)
  t.after(() => monotonic.mock.restore())
  const { logIn, logs } = await build(t)
  const lines = () => logs.filter(({ event }) => event === 'proof_address')
  await logIn('https://proxy.example/auth/login')
  await logIn('https://proxy.example/auth/login')
  t.match(lines(), [
    {
      level: 40,
      proved: 'https://proxy.example/auth/login',
      expected: ['https://app.example.com/auth/login', 'http://app.example.com/auth/login']
    }
  ])
  t.equal(lines().length, 1)
  nowMs += MINUTE
  await logIn('https://proxy.example/auth/login')
  t.equal(lines().length, 2)
})

t.test('a request target in absolute form has the path of its URL', async (t) => {
  const { app } = await buildApp(t)
  const { port } = new URL(await listen(app))
  const dpop = createProof(key, { method: 'POST', url: `http://127.0.0.1:${port}/auth/login` })
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: `http://127.0.0.1:${port}/auth/login?x`,
    headers: { dpop, 'content-type': 'application/json' }
  }).end('{"sub":"ada"}')
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  t.equal(response.statusCode, 200)
})
