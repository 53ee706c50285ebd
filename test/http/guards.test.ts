import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import type { SessionStore } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const NO_TOKEN = 'Bearer realm="api"'
const DESCRIPTION = 'error_description="[\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e]+"'
const INVALID = new RegExp(`^Bearer realm="api", error="invalid_token", ${DESCRIPTION}$`)
const INSUFFICIENT = new RegExp(`^Bearer realm="api", error="insufficient_scope", ${DESCRIPTION}$`)

/** Adds a route for each kind of guard. */
function addRoutes(app: FastifyInstance): void {
  app.get('/pre-handler', { preHandler: app.authenticate }, async ({ user }) => ({ user }))
  app.get('/on-request', { onRequest: app.authenticate }, async ({ user }) => ({ user }))
  app.get('/call', async (request) => ({ user: await request.authenticate() }))
  app.get('/optional', async (request) => ({ user: await request.authenticate({ optional: true }) }))
  app.get('/open', async ({ user }) => ({ user }))
  app.get(
    '/scoped',
    { preHandler: [app.authenticate, app.authorize('read', 'write')] },
    async ({ user }) => ({ user })
  )
}

function get(app: FastifyInstance, url: string, authorization?: string): Promise<LightMyRequestResponse> {
  return app.inject({ url, ...(authorization !== undefined && { headers: { authorization } }) })
}

async function tokenOf(app: FastifyInstance, claims = {}): Promise<string> {
  return (await app.sessions.create({ sub: 'ada', claims })).accessToken
}

for (const url of ['/pre-handler', '/on-request', '/call', '/optional']) {
  t.test(`${url} accepts a valid access token`, async (t) => {
    const { app } = await buildApp(t, { extend: addRoutes })
    const { accessToken, session } = await app.sessions.create({ sub: 'ada', claims: { roles: ['reader'] } })
    const response = await get(app, url, `Bearer ${accessToken}`)
    t.equal(response.statusCode, 200)
    const { user } = response.json()
    t.match(user, { sub: 'ada', sid: session.sid, gen: 1, roles: ['reader'], iat: Number, exp: Number })
    t.equal(user.exp - user.iat >= 300, true)
    t.equal(user.auth_time, Math.floor(session.createdAt.getTime() / 1000))
  })

  t.test(`${url} rejects an invalid access token`, async (t) => {
    const { app, advance } = await buildApp(t, { extend: addRoutes })
    const { refreshToken } = await app.sessions.create({ sub: 'ada' })
    const revoked = await app.sessions.create({ sub: 'ada' })
    await app.sessions.revoke(revoked.session.sid)
    const expired = await tokenOf(app)

    const rejected = async (code: string, authorization: string) => {
      const response = await get(app, url, authorization)
      t.equal(response.statusCode, 401, authorization)
      t.equal(response.json().code, code, authorization)
      t.match(response.headers['www-authenticate'], INVALID)
      t.equal(response.headers['set-cookie'], undefined)
    }
    await rejected('FRT_ERR_ACCESS_TOKEN_INVALID', 'Bearer malformed')
    await rejected('FRT_ERR_ACCESS_TOKEN_INVALID', 'Bearer a.b.c')
    await rejected('FRT_ERR_ACCESS_TOKEN_INVALID', `Bearer ${refreshToken}`)
    await rejected('FRT_ERR_ACCESS_TOKEN_INVALID', `Bearer ${expired} ${expired}`)
    await rejected('FRT_ERR_SESSION_REVOKED', `Bearer ${revoked.accessToken}`)
    await advance(5 * MINUTE + 1000)
    await rejected('FRT_ERR_ACCESS_TOKEN_EXPIRED', `Bearer ${expired}`)
  })
}

t.test('the challenge has no error if the request has no token', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  const token = await tokenOf(app)
  for (const url of ['/pre-handler', '/on-request', '/call', '/scoped']) {
    for (const authorization of [undefined, '', 'Bearer', 'Basic YWRhOng=', `Token ${token}`, token]) {
      const response = await get(app, url, authorization)
      const what = `${url} ${authorization}`
      t.equal(response.statusCode, 401, what)
      t.equal(response.json().code, 'FRT_ERR_NO_ACCESS_TOKEN', what)
      t.equal(response.headers['www-authenticate'], NO_TOKEN, what)
    }
  }
})

t.test('a token in the query is ignored', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  // An invalid token, because a valid one would be in the request log. If it was read, the error would be another one.
  const response = await get(app, '/pre-handler?access_token=a.b.c')
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
})

t.test('an optional guard returns null without a token, and 401 for an invalid one', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  for (const authorization of [undefined, '', 'Basic YWRhOng=']) {
    const response = await get(app, '/optional', authorization)
    t.equal(response.statusCode, 200)
    t.same(response.json(), { user: null })
    t.equal(response.headers['www-authenticate'], undefined)
  }
  t.equal((await get(app, '/optional', 'Bearer x')).statusCode, 401)
})

t.test('the scheme is case-insensitive', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  const token = await tokenOf(app)
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR', 'Bearer  ']) {
    t.equal((await get(app, '/pre-handler', `${scheme} ${token}`)).statusCode, 200, scheme)
  }
})

t.test('another header accepts the token with or without the scheme', async (t) => {
  const { app } = await buildApp(t, {
    extend: addRoutes,
    options: { accessToken: { header: 'X-Auth-Token' } }
  })
  const token = await tokenOf(app)
  const sendRequest = async (headers: Record<string, string>) => app.inject({ url: '/pre-handler', headers })
  t.equal((await sendRequest({ 'x-auth-token': token })).statusCode, 200)
  t.equal((await sendRequest({ 'X-AUTH-TOKEN': `Bearer ${token}` })).statusCode, 200)
  t.equal((await sendRequest({ authorization: `Bearer ${token}` })).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal((await sendRequest({ 'x-auth-token': '' })).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal((await sendRequest({ 'x-auth-token': 'malformed' })).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')
})

t.test('each scope must be in the scope claim as a whole word', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  const cases: [status: number, claims: object][] = [
    [200, { scope: 'read write' }],
    [200, { scope: 'admin write other read' }],
    [403, {}],
    [403, { scope: '' }],
    [403, { scope: 'read' }],
    [403, { scope: 'readwrite' }],
    [403, { scope: 'read writer' }],
    [403, { scope: 'READ WRITE' }],
    [403, { scope: ['read', 'write'] }],
    [403, { scope: { read: true, write: true } }],
    [403, { scopes: 'read write' }]
  ]
  for (const [status, claims] of cases) {
    const response = await get(app, '/scoped', `Bearer ${await tokenOf(app, claims)}`)
    t.equal(response.statusCode, status, JSON.stringify(claims))
    if (status === 200) continue
    t.equal(response.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
    t.match(response.headers['www-authenticate'], INSUFFICIENT)
  }
})

t.test('a function decides by user and request, synchronously or asynchronously', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      const ok = async () => ({ ok: true })
      app.get<{ Params: { sub: string } }>(
        '/sync/:sub',
        {
          preHandler: [
            app.authenticate,
            app.authorize((user, request) => (request.params as { sub: string }).sub === user.sub)
          ]
        },
        ok
      )
      app.get(
        '/async/:sub',
        {
          preHandler: [
            app.authenticate,
            app.authorize(async (user, request) => (request.params as { sub: string }).sub === user.sub)
          ]
        },
        ok
      )
      app.get(
        '/throws',
        {
          preHandler: [
            app.authenticate,
            app.authorize(async () => {
              throw Object.assign(new Error('the policy server is unavailable'), { statusCode: 502 })
            })
          ]
        },
        ok
      )
      app.get('/none', { preHandler: [app.authenticate, app.authorize('never')] }, ok)
    }
  })
  const bearer = `Bearer ${await tokenOf(app)}`
  for (const kind of ['sync', 'async']) {
    t.equal((await get(app, `/${kind}/ada`, bearer)).statusCode, 200, kind)
    const rejected = await get(app, `/${kind}/grace`, bearer)
    t.equal(rejected.statusCode, 403, kind)
    t.equal(rejected.json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
    t.match(rejected.headers['www-authenticate'], INSUFFICIENT)
  }
  t.equal((await get(app, '/throws', bearer)).statusCode, 502)
  t.equal((await get(app, '/none', bearer)).statusCode, 403)
})

t.test('authorize without authenticate returns 401', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.get('/forgotten', { preHandler: app.authorize(() => true) }, async () => ({}))
      app.get(
        '/invalid-order',
        { preHandler: [app.authorize(() => true), app.authenticate] },
        async () => ({})
      )
    }
  })
  const bearer = `Bearer ${await tokenOf(app)}`
  for (const url of ['/forgotten', '/invalid-order']) {
    const response = await get(app, url, bearer)
    t.equal(response.statusCode, 401, url)
    t.equal(response.headers['www-authenticate'], NO_TOKEN)
  }
})

t.test('authorize throws without scopes', async (t) => {
  const { app } = await buildApp(t)
  const scopes: string[] = []
  t.throws(() => app.authorize(...scopes), { code: 'FRT_ERR_INVALID_OPTION' })
})

t.test('authorize throws for arguments that are not scopes or one function', async (t) => {
  const { app } = await buildApp(t, {})
  const authorize = app.authorize as (...allowed: unknown[]) => unknown
  for (const invalid of [
    [['read']],
    ['read write'],
    [''],
    ['read', () => true],
    [() => true, 'read'],
    [null]
  ]) {
    t.throws(() => authorize(...invalid), { code: 'FRT_ERR_INVALID_OPTION' }, JSON.stringify(invalid))
  }
})

t.test('request.user is null without a guard, and is never shared between requests', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      addRoutes(app)
      app.get('/spoil', { preHandler: app.authenticate }, async (request) => {
        Object.assign(request.user ?? {}, { sub: 'mallory' })
        return {}
      })
    }
  })
  const ada = `Bearer ${await tokenOf(app)}`
  const grace = `Bearer ${(await app.sessions.create({ sub: 'grace' })).accessToken}`
  t.same((await get(app, '/open')).json(), { user: null })
  t.same((await get(app, '/open', ada)).json(), { user: null }, 'a token alone is no guard')
  t.match((await get(app, '/pre-handler', ada)).json(), { user: { sub: 'ada' } })
  t.same((await get(app, '/open')).json(), { user: null })
  await get(app, '/spoil', ada)
  t.match((await get(app, '/pre-handler', ada)).json(), { user: { sub: 'ada' } })

  const users = await Promise.all(
    [ada, grace, undefined, grace, ada].map(
      async (bearer) => (await get(app, '/optional', bearer)).json().user
    )
  )
  t.same(
    users.map((user) => user?.sub),
    ['ada', 'grace', undefined, 'grace', 'ada']
  )
})

interface Failure {
  status: number
  code: string
  headers: Record<string, RegExp | string>
  send(): Promise<LightMyRequestResponse>
}

/** Sends a request for each error of the plugin that has its own header. */
async function failuresOf(app: FastifyInstance, broken: Partial<SessionStore>): Promise<Failure[]> {
  const valid = await tokenOf(app)
  const { session, accessToken, refreshToken } = await app.sessions.create({ sub: 'ada' })
  await app.sessions.revoke(session.sid)
  const post = (url: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, headers })
  const cookie = (token: string) => ({ cookie: `__Host-refresh_token=${token}` })
  const failing = async (send: () => Promise<LightMyRequestResponse>) => {
    Object.assign(broken, DOWN)
    const response = await send()
    for (const name of Object.keys(broken)) Reflect.deleteProperty(broken, name)
    return response
  }
  const live = (await app.sessions.create({ sub: 'ada' })).refreshToken
  const challenged = (code: string, challenge: RegExp | string, send: Failure['send']): Failure => ({
    status: challenge === INSUFFICIENT ? 403 : 401,
    code,
    headers: { 'www-authenticate': challenge },
    send
  })
  const unavailable = (send: Failure['send']): Failure => ({
    status: 503,
    code: 'FRT_ERR_STORE_UNAVAILABLE',
    headers: { 'retry-after': /^\d+$/ },
    send: () => failing(send)
  })
  return [
    challenged('FRT_ERR_NO_ACCESS_TOKEN', NO_TOKEN, () => get(app, '/pre-handler')),
    challenged('FRT_ERR_NO_ACCESS_TOKEN', NO_TOKEN, () => get(app, '/on-request')),
    challenged('FRT_ERR_NO_ACCESS_TOKEN', NO_TOKEN, () => get(app, '/auth/sessions')),
    challenged('FRT_ERR_ACCESS_TOKEN_INVALID', INVALID, () => get(app, '/call', 'Bearer x')),
    challenged('FRT_ERR_SESSION_REVOKED', INVALID, () => get(app, '/optional', `Bearer ${accessToken}`)),
    challenged('FRT_ERR_INSUFFICIENT_SCOPE', INSUFFICIENT, () => get(app, '/scoped', `Bearer ${valid}`)),
    challenged('FRT_ERR_INVALID_CREDENTIALS', NO_TOKEN, () => post('/auth/login')),
    challenged('FRT_ERR_NO_REFRESH_TOKEN', NO_TOKEN, () => post('/auth/refresh')),
    challenged('FRT_ERR_REFRESH_TOKEN_INVALID', INVALID, () => post('/auth/refresh', cookie('x'))),
    challenged('FRT_ERR_SESSION_REVOKED', INVALID, () => post('/auth/refresh', cookie(refreshToken))),
    unavailable(() => get(app, '/pre-handler', `Bearer ${valid}`)),
    unavailable(() => get(app, '/call', `Bearer ${valid}`)),
    unavailable(() => post('/auth/refresh', cookie(live)))
  ]
}

const HANDLERS: [name: string, prepare: (app: FastifyInstance) => void][] = [
  ["Fastify's own error handler", () => {}],
  [
    "an app's own error handler",
    (app) => {
      app.setErrorHandler((error: { statusCode?: number; code?: string }, _request, reply) => {
        reply.code(error.statusCode ?? 500).send({ code: error.code, message: 'of the app' })
      })
    }
  ],
  [
    "an app's own async error handler",
    (app) => {
      app.setErrorHandler(async (error: { statusCode?: number; code?: string }, _request, reply) => {
        reply.code(error.statusCode ?? 500)
        return { code: error.code, message: 'of the app' }
      })
    }
  ]
]

for (const [name, prepare] of HANDLERS) {
  t.test(`each 401, 403 and 503 has its header with ${name}`, async (t) => {
    const broken: Partial<SessionStore> = {}
    const { app } = await buildApp(t, {
      under: overriding(openMemoryStore(), broken),
      options: { revocation: { mode: 'store' } },
      prepare,
      extend: addRoutes
    })
    for (const { status, code, headers, send } of await failuresOf(app, broken)) {
      const response = await send()
      t.equal(response.statusCode, status, code)
      t.equal(response.json().code, code)
      t.match(response.headers, headers, code)
    }
  })
}

t.test('the response has no challenge if the error handler changes the status', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.setErrorHandler((_error, _request, reply) => reply.redirect('/login'))
    },
    extend: addRoutes
  })
  const response = await get(app, '/pre-handler')
  t.equal(response.statusCode, 302)
  t.equal(response.headers['www-authenticate'], undefined)
})

t.test('a 401 of the app has no challenge of the plugin', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.get('/own', async (_request, reply) => reply.code(401).send({ own: true }))
    }
  })
  t.equal((await get(app, '/own')).headers['www-authenticate'], undefined)
})

for (const name of ['preHandler', 'onRequest'] as const) {
  t.test(`${name} on all routes skips the public routes of the plugin`, async (t) => {
    const { app, advance } = await buildApp(t, {
      extend(app) {
        app.addHook(name as 'preHandler', app.authenticate)
        app.get('/added', async ({ user }) => ({ user }))
        app.register(async (scope) => {
          scope.get('/in-a-scope', async ({ user }) => ({ user }))
        })
      }
    })
    for (const url of ['/added', '/in-a-scope', '/me', '/auth/sessions']) {
      t.equal((await get(app, url)).json().code, 'FRT_ERR_NO_ACCESS_TOKEN', url)
    }
    const client = new Client(app)
    t.equal((await client.login()).statusCode, 200)
    for (const url of ['/added', '/in-a-scope', '/me', '/auth/sessions']) {
      t.equal((await client.call(url)).statusCode, 200, url)
    }
    await advance(6 * MINUTE)
    t.equal((await client.call('/added')).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
    t.equal((await client.refresh()).statusCode, 200, 'a refresh comes without an access token')
    t.equal((await client.logout()).statusCode, 200, 'so may a logout')
    const everywhere = await app.inject({ method: 'POST', url: '/auth/logout-all' })
    t.equal(everywhere.json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
    t.equal((await get(app, '/nowhere')).statusCode, 401, 'the hook guards what is not found too')
  })
}

t.test('an unknown route returns 404 without a guard on all routes', async (t) => {
  const { app } = await buildApp(t)
  const response = await get(app, '/nowhere')
  t.equal(response.statusCode, 404)
  t.equal(response.headers['www-authenticate'], undefined)
  t.equal(response.headers['cache-control'], undefined)
  t.equal((await get(app, '/auth/nowhere')).statusCode, 404)
  t.equal((await get(app, '/auth/login')).statusCode, 404, 'no GET')
})

t.test('a 404 handler can be guarded', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.setNotFoundHandler({ preHandler: app.authenticate }, (_request, reply) => {
        reply.code(404).send({ own: true })
      })
    }
  })
  t.equal((await get(app, '/nowhere')).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  const known = await get(app, '/nowhere', `Bearer ${await tokenOf(app)}`)
  t.equal(known.statusCode, 404)
  t.same(known.json(), { own: true })
})

t.test('a challenge of the app is kept', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.get('/own', async (request, reply) => {
        await request.authenticate().catch(() => {})
        return reply.code(401).header('www-authenticate', 'Basic realm="own"').send({})
      })
    }
  })
  const response = await app.inject({ url: '/own', headers: { authorization: 'Bearer x' } })
  t.equal(response.headers['www-authenticate'], 'Basic realm="own"')
})

t.test('authorize uses the claims that this registration verified', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      const impose = async (request: FastifyRequest) => {
        request.user = {
          sub: 'eve',
          sid: 'x',
          gen: 1,
          iat: 0,
          exp: 0,
          auth_time: 0,
          jti: 'x',
          scope: 'admin'
        }
      }
      app.get('/admin', { preHandler: [impose, app.authorize('admin')] }, async () => 'secret')
    }
  })
  t.equal((await app.inject('/admin')).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
})
