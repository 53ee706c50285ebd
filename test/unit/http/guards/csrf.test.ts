import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createCsrfHook } from '../../../../lib/http/guards/csrf.js'
import { resolveOptions } from '../../../../lib/options/resolve.js'

interface Settings {
  secure?: boolean
  trustedOrigins?: string[]
}

type Headers = Record<string, string | string[]>

/** An app whose routes only the check guards; gives what it answers to a request with these headers. */
function guarded(t: Test, { secure = true, trustedOrigins = [] }: Settings = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  const cookie = secure ? {} : { name: 'refresh_token', secure: false }
  const options = resolveOptions({
    secret: 'x'.repeat(32),
    login: async () => null,
    csrf: { trustedOrigins },
    cookie
  })
  app.addHook('onRequest', createCsrfHook(options))
  app.route({
    method: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/',
    handler: async () => ({})
  })

  async function ask(method: 'GET' | 'POST', headers: Headers): Promise<number> {
    const response = await app.inject({ method, url: '/', headers: { host: 'app.example.com', ...headers } })
    if (response.statusCode === 403) t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
    return response.statusCode
  }
  return {
    app,
    post: (headers: Headers) => ask('POST', headers),
    get: (headers: Headers) => ask('GET', headers)
  }
}

t.test('safe methods pass from anywhere', async (t) => {
  const { app } = guarded(t)
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
    t.equal((await app.inject({ method, url: '/', headers })).statusCode, 200, method)
  }
})

t.test('every unsafe method is checked', async (t) => {
  const { app } = guarded(t)
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
    t.equal((await app.inject({ method, url: '/', headers })).statusCode, 403, method)
  }
})

t.test('Sec-Fetch-Site decides: same-origin and none pass, all else does not', async (t) => {
  const { post } = guarded(t)
  t.equal(await post({ 'sec-fetch-site': 'same-origin', origin: 'https://app.example.com' }), 200)
  t.equal(await post({ 'sec-fetch-site': 'none' }), 200)
  for (const site of ['same-site', 'cross-site', '', 'SAME-ORIGIN', 'same-origin ,none', 'x']) {
    t.equal(await post({ 'sec-fetch-site': site, origin: 'https://app.example.com' }), 403, `'${site}'`)
    t.equal(await post({ 'sec-fetch-site': site }), 403, `'${site}' without an origin`)
  }
})

t.test('behind a proxy that hides the host, Sec-Fetch-Site is enough', async (t) => {
  const { post } = guarded(t)
  const headers = { host: 'internal:3000', origin: 'https://app.example.com' }
  t.equal(await post({ ...headers, 'sec-fetch-site': 'same-origin' }), 200)
  t.equal(await post(headers), 403)
})

t.test('a trusted origin passes, whatever Sec-Fetch-Site says of it', async (t) => {
  const { post } = guarded(t, { trustedOrigins: ['https://www.example.com', 'http://localhost:5173'] })
  for (const origin of ['https://www.example.com', 'http://localhost:5173']) {
    t.equal(await post({ origin }), 200)
    t.equal(await post({ origin, 'sec-fetch-site': 'same-site' }), 200)
    t.equal(await post({ origin, 'sec-fetch-site': 'cross-site' }), 200)
  }
})

t.test('what resembles a trusted origin does not pass', async (t) => {
  const { post } = guarded(t, { trustedOrigins: ['https://www.example.com'] })
  const origins = [
    'http://www.example.com',
    'https://www.example.com:8443',
    'https://www.example.com.evil.example',
    'https://evil.example/https://www.example.com',
    'https://a.www.example.com',
    'https://example.com',
    'https://www.example.com, https://www.example.com',
    'www.example.com'
  ]
  for (const origin of origins) {
    t.equal(await post({ origin }), 403, origin)
    t.equal(await post({ origin, 'sec-fetch-site': 'cross-site' }), 403, origin)
  }
})

t.test('without both headers it is no browser, and passes', async (t) => {
  const { post } = guarded(t)
  t.equal(await post({}), 200)
})

t.test('an origin whose host is that of the request passes', async (t) => {
  const { post } = guarded(t)
  const rows: [host: string, origin: string][] = [
    ['app.example.com', 'https://app.example.com'],
    ['APP.Example.COM', 'https://app.example.com'],
    ['app.example.com', 'https://APP.example.com'],
    ['app.example.com:443', 'https://app.example.com'],
    ['app.example.com', 'https://app.example.com:443'],
    ['app.example.com:8443', 'https://app.example.com:8443'],
    ['[2001:db8::1]', 'https://[2001:db8::1]'],
    ['[2001:DB8:0::1]:8443', 'https://[2001:db8::1]:8443'],
    ['xn--mnchen-3ya.example', 'https://xn--mnchen-3ya.example']
  ]
  for (const [host, origin] of rows) t.equal(await post({ host, origin }), 200, `${origin} at ${host}`)
})

t.test('an origin with another host, port or no host does not pass', async (t) => {
  const { post } = guarded(t)
  const rows: [host: string, origin: string][] = [
    ['app.example.com', 'https://evil.example'],
    ['app.example.com', 'https://example.com'],
    ['app.example.com', 'https://app.example.com.evil.example'],
    ['app.example.com', 'https://evil.example/app.example.com'],
    ['app.example.com', 'https://app.example.com@evil.example'],
    ['app.example.com', 'https://app.example.com:8443'],
    ['app.example.com:8443', 'https://app.example.com'],
    ['app.example.com:80', 'https://app.example.com'],
    ['app.example.com', 'https://'],
    ['', 'https://app.example.com'],
    ['not a host', 'https://app.example.com'],
    ['app.example.com', 'file://'],
    ['app.example.com', 'about:blank'],
    ['app.example.com', 'chrome-extension://app.example.com']
  ]
  for (const [host, origin] of rows) t.equal(await post({ host, origin }), 403, `${origin} at '${host}'`)
})

t.test('an origin of null, an empty one and garbage never pass', async (t) => {
  for (const secure of [true, false]) {
    const { post } = guarded(t, { secure })
    for (const origin of [
      'null',
      'NULL',
      '',
      ' ',
      'undefined',
      'app.example.com',
      '//app.example.com',
      '%',
      'https:'
    ]) {
      t.equal(await post({ origin }), 403, `'${origin}'`)
    }
    t.equal(await post({ host: 'null', origin: 'null' }), 403)
  }
})

t.test('where the cookie is Secure, an http origin of the same host does not pass', async (t) => {
  const { post } = guarded(t)
  t.equal(await post({ origin: 'http://app.example.com' }), 403)
  t.equal(await post({ host: 'app.example.com:3000', origin: 'http://app.example.com:3000' }), 403)
  t.equal(await post({ host: 'localhost.evil.example', origin: 'http://localhost.evil.example' }), 403)
  t.equal(await post({ host: '127.0.0.1.evil.example', origin: 'http://127.0.0.1.evil.example' }), 403)
  t.equal(await post({ host: '192.168.0.1', origin: 'http://192.168.0.1' }), 403)
})

t.test('loopback may use http, for that is how one develops', async (t) => {
  const { post } = guarded(t)
  for (const host of [
    'localhost',
    'localhost:3000',
    '127.0.0.1:3000',
    '127.8.9.1',
    '[::1]',
    '[::1]:3000',
    'LOCALHOST'
  ]) {
    t.equal(await post({ host, origin: `http://${host}` }), 200, host)
    t.equal(await post({ host, origin: 'http://localhost:9999' }), 403, `another port than ${host}`)
  }
  t.equal(await post({ host: 'localhost:80', origin: 'http://localhost' }), 200)
  t.equal(await post({ host: 'app.example.com', origin: 'http://localhost' }), 403)
})

t.test('where the cookie is not Secure, http will do', async (t) => {
  const { post } = guarded(t, { secure: false })
  t.equal(await post({ origin: 'http://app.example.com' }), 200)
  t.equal(await post({ host: 'app.example.com:80', origin: 'http://app.example.com' }), 200)
  t.equal(await post({ origin: 'http://evil.example' }), 403)
})

t.test('a header that comes twice does not pass', async (t) => {
  const { app } = guarded(t, { trustedOrigins: ['https://www.example.com'] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo

  async function post(headers: Headers): Promise<number | undefined> {
    const request = send({ port, host: '127.0.0.1', method: 'POST', headers, agent: false })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  t.equal(await post({ origin: 'https://www.example.com' }), 200)
  t.equal(await post({ origin: ['https://www.example.com', 'https://evil.example'] }), 403)
  t.equal(await post({ origin: ['https://evil.example', 'https://www.example.com'] }), 403)
  t.equal(await post({ 'sec-fetch-site': ['same-origin', 'cross-site'] }), 403)
  t.equal(await post({ 'sec-fetch-site': ['cross-site', 'same-origin'] }), 403)
})

t.test('a request of HTTP/1.0 without a host has no origin of its own', async (t) => {
  const hook = createCsrfHook(resolveOptions({ secret: 'x'.repeat(32), login: async () => null }))
  const request = { method: 'POST', headers: { origin: 'https://undefined' }, host: '' }
  await t.rejects(hook(request as Parameters<typeof hook>[0]), { code: 'FRT_ERR_CROSS_ORIGIN' })
})
