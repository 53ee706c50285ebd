import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { createCsrfHook } from '../../../../lib/http/guards/csrf.js'
import { resolveOptions } from '../../../../lib/options/resolve.js'
import type { TrustedOrigins } from '../../../../types/options.js'

interface Settings {
  secure?: boolean
  trustedOrigins?: TrustedOrigins
}

type Headers = Record<string, string | string[]>

/** Builds an app with only the CSRF check. The returned functions send a request and return the status code. */
function buildApp(t: Test, { secure = true, trustedOrigins = [] }: Settings = {}) {
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

  async function send(method: 'GET' | 'POST', headers: Headers): Promise<number> {
    const response = await app.inject({ method, url: '/', headers: { host: 'app.example.com', ...headers } })
    if (response.statusCode === 403) t.equal(response.json().code, 'FRT_ERR_CROSS_ORIGIN')
    return response.statusCode
  }
  return {
    app,
    post: (headers: Headers) => send('POST', headers),
    get: (headers: Headers) => send('GET', headers)
  }
}

t.test('allows safe methods from each origin', async (t) => {
  const { app } = buildApp(t)
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
    t.equal((await app.inject({ method, url: '/', headers })).statusCode, 200, method)
  }
})

t.test('checks a WebSocket handshake, although it is a GET', async (t) => {
  const { get } = buildApp(t, { trustedOrigins: ['https://www.example.com'] })
  const upgrade = { connection: 'keep-alive, Upgrade', upgrade: 'websocket' }
  for (const [status, headers] of [
    [200, { origin: 'https://app.example.com' }],
    [200, { origin: 'https://app.example.com', 'sec-fetch-site': 'same-origin' }],
    [200, { origin: 'https://www.example.com' }],
    [200, {}],
    [403, { origin: 'https://evil.example' }],
    [403, { origin: 'null' }],
    [403, { origin: 'http://app.example.com' }],
    [403, { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' }]
  ] as [number, Record<string, string>][]) {
    t.equal(await get({ ...upgrade, ...headers }), status, JSON.stringify(headers))
  }
  t.equal(await get({ upgrade: '', origin: 'https://evil.example' }), 403, 'any value')
})

t.test('checks each unsafe method', async (t) => {
  const { app } = buildApp(t)
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
    t.equal((await app.inject({ method, url: '/', headers })).statusCode, 403, method)
  }
})

t.test('allows only same-origin and none in Sec-Fetch-Site', async (t) => {
  const { post } = buildApp(t)
  t.equal(await post({ 'sec-fetch-site': 'same-origin', origin: 'https://app.example.com' }), 200)
  t.equal(await post({ 'sec-fetch-site': 'none' }), 200)
  for (const site of ['same-site', 'cross-site', '', 'SAME-ORIGIN', 'same-origin ,none', 'x']) {
    t.equal(await post({ 'sec-fetch-site': site, origin: 'https://app.example.com' }), 403, `'${site}'`)
    t.equal(await post({ 'sec-fetch-site': site }), 403, `'${site}' without an origin`)
  }
})

t.test('Sec-Fetch-Site is enough behind a proxy that changes the host', async (t) => {
  const { post } = buildApp(t)
  const headers = { host: 'internal:3000', origin: 'https://app.example.com' }
  t.equal(await post({ ...headers, 'sec-fetch-site': 'same-origin' }), 200)
  t.equal(await post(headers), 403)
})

t.test('allows a trusted origin with each value of Sec-Fetch-Site', async (t) => {
  const { post } = buildApp(t, { trustedOrigins: ['https://www.example.com', 'http://localhost:5173'] })
  for (const origin of ['https://www.example.com', 'http://localhost:5173']) {
    t.equal(await post({ origin }), 200)
    t.equal(await post({ origin, 'sec-fetch-site': 'same-site' }), 200)
    t.equal(await post({ origin, 'sec-fetch-site': 'cross-site' }), 200)
  }
})

t.test('rejects an origin or a host that is longer than any host name, without parsing it', async (t) => {
  const { post } = buildApp(t)
  const longest = `${'a'.repeat(63)}.`.repeat(4).slice(0, 253)
  t.equal(await post({ host: longest, origin: `https://${longest}` }), 200)
  t.equal(await post({ host: `${longest}:65535`, origin: `https://${longest}:65535` }), 200)
  const tooLong = 'a.'.repeat(200)
  t.equal(await post({ host: tooLong, origin: `https://${tooLong}` }), 403)
  // The URL of this host is that of the origin.
  const same = '%61'.repeat(100)
  t.equal(await post({ host: same, origin: `https://${'a'.repeat(100)}` }), 200)
  t.equal(await post({ host: `${same}%61`, origin: `https://${'a'.repeat(101)}` }), 403)
})

t.test('rejects origins similar to a trusted origin', async (t) => {
  const { post } = buildApp(t, { trustedOrigins: ['https://www.example.com'] })
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

t.test('allows a request without both headers, because it does not come from a browser', async (t) => {
  const { post } = buildApp(t)
  t.equal(await post({}), 200)
})

t.test('allows an origin with the host of the request', async (t) => {
  const { post } = buildApp(t)
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

t.test('rejects an origin with another host or port, or without a host', async (t) => {
  const { post } = buildApp(t)
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

t.test('rejects an origin with another scheme, although its host is that of the request', async (t) => {
  const { post } = buildApp(t, { secure: false })
  for (const origin of ['evil://app.example.com', 'capacitor://app.example.com', 'ftp://app.example.com']) {
    t.equal(await post({ origin }), 403, origin)
  }
  const local = buildApp(t)
  t.equal(await local.post({ origin: 'evil://localhost', host: 'localhost' }), 403)
})

t.test('rejects the origin null, an empty origin and malformed origins', async (t) => {
  for (const secure of [true, false]) {
    const { post } = buildApp(t, { secure })
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

t.test('rejects an HTTP origin of the same host if the cookie is Secure', async (t) => {
  const { post } = buildApp(t)
  t.equal(await post({ origin: 'http://app.example.com' }), 403)
  t.equal(await post({ host: 'app.example.com:3000', origin: 'http://app.example.com:3000' }), 403)
  t.equal(await post({ host: 'localhost.evil.example', origin: 'http://localhost.evil.example' }), 403)
  t.equal(await post({ host: '127.0.0.1.evil.example', origin: 'http://127.0.0.1.evil.example' }), 403)
  t.equal(await post({ host: '192.168.0.1', origin: 'http://192.168.0.1' }), 403)
})

t.test('allows HTTP for loopback hosts, for development', async (t) => {
  const { post } = buildApp(t)
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

t.test('allows HTTP if the cookie is not Secure', async (t) => {
  const { post } = buildApp(t, { secure: false })
  t.equal(await post({ origin: 'http://app.example.com' }), 200)
  t.equal(await post({ host: 'app.example.com:80', origin: 'http://app.example.com' }), 200)
  t.equal(await post({ origin: 'http://evil.example' }), 403)
})

t.test('rejects a repeated header', async (t) => {
  const { app } = buildApp(t, { trustedOrigins: ['https://www.example.com'] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo

  async function post(headers: Headers): Promise<number | undefined> {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers, agent: false })
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

t.test('rejects an origin in an HTTP/1.0 request without a host', async (t) => {
  const hook = createCsrfHook(resolveOptions({ secret: 'x'.repeat(32), login: async () => null }))
  const request = { method: 'POST', headers: { origin: 'https://undefined' }, host: '' }
  await t.rejects(hook(request as Parameters<typeof hook>[0]), { code: 'FRT_ERR_CROSS_ORIGIN' })
})

t.test('compares origins of other schemes as they were sent', async (t) => {
  const trustedOrigins = ['capacitor://localhost', 'app://.', 'chrome-extension://abc']
  const { post } = buildApp(t, { trustedOrigins })
  for (const origin of trustedOrigins) {
    t.equal(await post({ origin }), 200, origin)
    t.equal(await post({ origin, 'sec-fetch-site': 'cross-site' }), 200, origin)
  }
  for (const origin of [
    'capacitor://localhost.evil',
    'capacitor://',
    'app://',
    'chrome-extension://abcd',
    'null'
  ]) {
    t.equal(await post({ origin, 'sec-fetch-site': 'cross-site' }), 403, origin)
  }
})

t.test('a function decides about origins that would be refused', async (t) => {
  const calls: unknown[] = []
  const isTrusted = (origin: string, request: FastifyRequest) => {
    calls.push([origin, request.url])
    return origin.endsWith('.tenant.example')
  }
  const { post, get } = buildApp(t, { trustedOrigins: isTrusted })
  const crossSite = { 'sec-fetch-site': 'cross-site' }
  t.equal(await post({ origin: 'https://a.tenant.example', ...crossSite }), 200)
  t.equal(await post({ origin: 'https://evil.example', ...crossSite }), 403)
  t.same(calls.splice(0), [
    ['https://a.tenant.example', '/'],
    ['https://evil.example', '/']
  ])
  t.equal(await post({ origin: 'https://app.example.com' }), 200)
  t.equal(await post({}), 200)
  t.equal(await get({ origin: 'https://evil.example' }), 200)
  t.equal(await post({ origin: 'null', ...crossSite }), 403)
  t.equal(await post(crossSite), 403)
  t.equal(await post({ origin: `https://${'a'.repeat(300)}.tenant.example`, ...crossSite }), 403)
  t.same(calls, [], 'not called for the own origin, safe methods, null and long origins')
})

t.test('a function that returns neither true nor false allows nothing', async (t) => {
  for (const result of [undefined, 'yes', 1, {}, Promise.resolve(true)]) {
    const { app } = buildApp(t, { trustedOrigins: (() => result) as unknown as () => boolean })
    const response = await app.inject({
      method: 'POST',
      url: '/',
      headers: { origin: 'https://evil.example' }
    })
    t.equal(response.json().code, 'FRT_ERR_INVALID_CALLBACK_RESULT')
  }
})
