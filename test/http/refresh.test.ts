import Fastify, { type InjectOptions } from 'fastify'
import t from 'tap'
import { fastifyRefreshToken, type RoutesOptions, type SessionStore } from '../../lib/index.js'
import { buildApp, DOWN, overriding, SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { refreshCookiesIn } from '../support/refresh-cookie.js'
import { openMemoryStore } from '../support/stores.js'

const COOKIE = '__Host-refresh_token'

t.test('a refresh without a token returns 401 with a challenge without error', async (t) => {
  for (const transport of ['cookie', 'body', 'header'] as const) {
    await t.test(transport, async (t) => {
      const { app } = await buildApp(t, { options: { transport } })
      const requests: Omit<InjectOptions, 'method' | 'url'>[] = [
        {},
        { headers: { 'content-type': 'application/json' } },
        { payload: {} },
        { headers: { cookie: 'other=1' } }
      ]
      for (const request of requests) {
        const response = await app.inject({ method: 'POST', url: '/auth/refresh', ...request })
        t.equal(response.statusCode, 401)
        t.same(response.json(), {
          statusCode: 401,
          code: 'FRT_ERR_NO_REFRESH_TOKEN',
          error: 'Unauthorized',
          message: 'A refresh token is required'
        })
        t.equal(response.headers['www-authenticate'], 'Bearer realm="api"')
        t.equal(response.headers['set-cookie'], undefined)
        t.equal(response.headers['cache-control'], 'no-store')
      }
    })
  }
})

t.test('a refresh with a malformed token returns 401 and keeps the cookie', async (t) => {
  const { app } = await buildApp(t)
  const response = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { cookie: `${COOKIE}=${'A'.repeat(92)}` }
  })
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  t.equal(
    response.headers['www-authenticate'],
    'Bearer realm="api", error="invalid_token", error_description="The refresh token is invalid"'
  )
  t.same(refreshCookiesIn(response), [])
})

t.test('a refresh accepts an empty JSON body, because clients set the header on each request', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app)
  await client.login()
  const response = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'content-type': 'application/json', cookie: `${COOKIE}=${client.jar.refreshToken}` },
    payload: ''
  })
  t.equal(response.statusCode, 200)
})

t.test('a body type that another site can send without a preflight request is rejected', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app)
  await client.login()
  for (const path of ['/login', '/refresh', '/logout']) {
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'multipart/form-data; boundary=x']) {
      const response = await app.inject({
        method: 'POST',
        url: `/auth${path}`,
        headers: { 'content-type': type, cookie: `${COOKIE}=${client.jar.refreshToken}` },
        payload: '{"sub":"ada"}'
      })
      t.equal(response.statusCode, 415, `${type} at ${path}`)
      t.equal(response.headers['cache-control'], 'no-store')
      t.equal(response.headers['set-cookie'], undefined)
    }
  }
  t.equal((await client.call()).statusCode, 200)
})

t.test('parsers of the app do not apply to the routes', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => {
        done(null, JSON.parse(String(body)))
      })
      app.removeContentTypeParser('application/json')
      app.addContentTypeParser('application/json', (_request, _payload, done) => {
        done(new Error('the app reads no JSON'))
      })
    }
  })
  const login = await app.inject({ method: 'POST', url: '/auth/login', payload: { sub: 'ada' } })
  t.equal(login.statusCode, 200)
  const text = await app.inject({
    method: 'POST',
    url: '/auth/login',
    headers: { 'content-type': 'text/plain' },
    payload: '{"sub":"ada"}'
  })
  t.equal(text.statusCode, 415)
})

t.test('each response with tokens also has the header of HTTP/1.0 against caches', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app)
  for (const response of [await client.login(), await client.refresh()]) {
    t.equal(response.statusCode, 200)
    t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
  }
})

t.test('each response has no-store, including errors', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = new Client(app)
  await client.login()
  const cookie = { cookie: `${COOKIE}=${client.jar.refreshToken}` }
  const json = { 'content-type': 'application/json' }
  const post = { method: 'POST' } as const
  const requests: [status: number, request: InjectOptions][] = [
    [200, { ...post, url: '/auth/login', payload: { sub: 'ada' } }],
    [401, { ...post, url: '/auth/login', payload: {} }],
    [400, { ...post, url: '/auth/login', headers: json, payload: '{' }],
    [400, { ...post, url: '/auth/login', headers: json, payload: '{"__proto__":{}}' }],
    [413, { ...post, url: '/auth/login', payload: { sub: 'a'.repeat(20_000) } }],
    [415, { ...post, url: '/auth/login', headers: { 'content-type': 'text/plain' }, payload: 'x' }],
    [500, { ...post, url: '/auth/login', payload: { sub: 'ada', ttl: 'soon' } }],
    [200, { ...post, url: '/auth/refresh', headers: cookie }],
    [401, { ...post, url: '/auth/refresh' }],
    [403, { ...post, url: '/auth/refresh', headers: { ...cookie, 'sec-fetch-site': 'cross-site' } }],
    [200, { url: '/auth/sessions', headers: client.accessHeaders() }],
    [401, { url: '/auth/sessions' }],
    [404, { method: 'DELETE', url: '/auth/sessions/x', headers: client.accessHeaders() }],
    [401, { method: 'DELETE', url: '/auth/sessions/x' }],
    [401, { ...post, url: '/auth/logout-all' }],
    [200, { ...post, url: '/auth/logout-all', headers: client.accessHeaders() }],
    [200, { ...post, url: '/auth/logout' }]
  ]
  for (const [status, request] of requests) {
    const response = await app.inject(request)
    const what = `${request.method ?? 'GET'} ${request.url} ${status}`
    t.equal(response.statusCode, status, what)
    t.equal(response.headers['cache-control'], 'no-store', what)
  }
  await client.login()
  const later = { cookie: `${COOKIE}=${client.jar.refreshToken}` }
  Object.assign(broken, DOWN)
  for (const request of [
    { ...post, url: '/auth/login', payload: { sub: 'ada' } },
    { ...post, url: '/auth/refresh', headers: later },
    { ...post, url: '/auth/logout', headers: later }
  ]) {
    const response = await app.inject(request)
    t.equal(response.statusCode, 503)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('a disabled route returns 404, and the others work', async (t) => {
  const all: [name: keyof RoutesOptions, method: 'GET' | 'POST' | 'DELETE', path: string][] = [
    ['login', 'POST', '/auth/login'],
    ['refresh', 'POST', '/auth/refresh'],
    ['logout', 'POST', '/auth/logout'],
    ['logoutAll', 'POST', '/auth/logout-all'],
    ['sessions', 'GET', '/auth/sessions'],
    ['sessions', 'DELETE', '/auth/sessions/x']
  ]
  for (const off of ['login', 'refresh', 'logout', 'logoutAll', 'sessions'] as const) {
    await t.test(off, async (t) => {
      const { app } = await buildApp(t, { options: { routes: { [off]: false } } })
      for (const [name, method, url] of all) {
        const { statusCode } = await app.inject({ method, url })
        t.equal(statusCode === 404, name === off, `${method} ${url} returns ${statusCode}`)
      }
    })
  }
})

t.test('routes with the value true are enabled', async (t) => {
  const { app } = await buildApp(t, { options: { routes: { login: true, sessions: {} } } })
  t.equal((await new Client(app).login()).statusCode, 200)
})

for (const prefix of ['', '/api/v1/account']) {
  t.test(`all routes move to the prefix '${prefix}'`, async (t) => {
    const { app } = await buildApp(t, { options: { routes: { prefix } } })
    const client = new Client(app, { prefix })
    t.equal((await client.login()).statusCode, 200)
    t.equal((await client.refresh()).statusCode, 200)
    t.equal((await client.call(`${prefix}/sessions`)).json().sessions.length, 1)
    const headers = client.accessHeaders()
    const gone = await app.inject({ method: 'DELETE', url: `${prefix}/sessions/x`, headers })
    t.equal(gone.json().code, 'FRT_ERR_SESSION_NOT_FOUND')
    t.equal((await client.logout()).statusCode, 200)
    await client.login()
    const everywhere = await app.inject({
      method: 'POST',
      url: `${prefix}/logout-all`,
      headers: client.accessHeaders()
    })
    t.same(everywhere.json(), { revoked: 1 })
    t.equal((await app.inject({ method: 'POST', url: '/auth/login' })).statusCode, 404)
  })
}

t.test('the prefix is appended to that of the scope', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(
    async (scope) => {
      await scope.register(fastifyRefreshToken, { secret: SECRET, login: () => ({ sub: 'ada' }) })
    },
    { prefix: '/staff' }
  )
  t.equal((await app.inject({ method: 'POST', url: '/staff/auth/login' })).statusCode, 200)
})

t.test('hooks of the app run after those of the plugin', async (t) => {
  const ran: string[] = []
  const hook = (name: string) => async () => {
    ran.push(name)
  }
  const hooks = {
    onRequest: [hook('onRequest 1'), hook('onRequest 2')],
    preParsing: hook('preParsing'),
    preValidation: hook('preValidation'),
    preHandler: [hook('preHandler')],
    preSerialization: hook('preSerialization'),
    onSend: hook('onSend'),
    onResponse: hook('onResponse')
  }
  const { app } = await buildApp(t, { options: { routes: { refresh: hooks, sessions: hooks } } })
  const client = new Client(app)
  await client.login()

  const crossSite = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'sec-fetch-site': 'cross-site', cookie: `${COOKIE}=${client.jar.refreshToken}` }
  })
  t.equal(crossSite.statusCode, 403, 'the cross-origin check is still there')
  t.equal((await app.inject('/auth/sessions')).statusCode, 401, 'and so is the guard')
  t.notOk(ran.includes('onRequest 1'), 'both come first')

  for (const call of [() => client.refresh(), () => client.call('/auth/sessions')]) {
    ran.length = 0
    const response = await call()
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.same(ran.slice(0, 7), [
      'onRequest 1',
      'onRequest 2',
      'preParsing',
      'preValidation',
      'preHandler',
      'preSerialization',
      'onSend'
    ])
  }
})

t.test('a single hook, for example a rate limiter, can reject the request', async (t) => {
  const { app } = await buildApp(t, {
    options: {
      routes: {
        login: {
          onRequest: async (_request, reply) => {
            await reply.code(429).send({ error: 'slow down' })
          }
        }
      }
    }
  })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: { sub: 'ada' } })
  t.equal(response.statusCode, 429)
  t.same(response.json(), { error: 'slow down' })
  t.equal(response.headers['cache-control'], 'no-store')
})

t.test('a route can have its own schema, config, bodyLimit and errorHandler', async (t) => {
  const configs: unknown[] = []
  const { app } = await buildApp(t, {
    options: {
      routes: {
        login: {
          bodyLimit: 64 * 1024,
          config: { rateLimit: { max: 5 } } as object,
          schema: {
            body: { type: 'object', required: ['sub'], properties: { sub: { type: 'string', minLength: 2 } } }
          },
          preHandler: async (request) => {
            configs.push(request.routeOptions.config)
          }
        },
        refresh: {
          errorHandler: (error, _request, reply) => {
            reply.code(error.statusCode ?? 500).send({ failed: error.code })
          },
          schema: { response: {} }
        }
      }
    }
  })
  const login = (payload: object) => app.inject({ method: 'POST', url: '/auth/login', payload })
  t.match((await login({})).json(), { statusCode: 400, code: 'FST_ERR_VALIDATION' })
  t.equal((await login({ sub: 'a' })).statusCode, 400)
  t.equal((await login({ sub: 'ada' })).statusCode, 200)
  t.match(configs, [{ rateLimit: { max: 5 } }])
  t.not((await login({ sub: 'ada', claims: { text: 'a'.repeat(30_000) } })).statusCode, 413)
  t.equal((await login({ sub: 'ada', claims: { text: 'a'.repeat(70_000) } })).statusCode, 413)

  const refresh = await app.inject({ method: 'POST', url: '/auth/refresh' })
  t.equal(refresh.statusCode, 401)
  t.same(refresh.json(), { failed: 'FRT_ERR_NO_REFRESH_TOKEN' })
  t.equal(refresh.headers['www-authenticate'], 'Bearer realm="api"')
})

t.test('method, url and handler cannot be overridden', async (t) => {
  for (const name of ['method', 'url', 'handler']) {
    await t.test(name, async (t) => {
      const routes = { login: { [name]: 'x' } } as RoutesOptions
      await t.rejects(buildApp(t, { options: { routes } }), {
        code: 'FRT_ERR_INVALID_OPTION',
        message: `option "routes.login.${name}" is not allowed, because the plugin sets it`
      })
    })
  }
})
