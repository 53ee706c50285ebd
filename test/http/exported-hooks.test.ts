import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import {
  authenticate,
  authorize,
  checkOrigin,
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  resourceServer
} from '../../lib/index.js'
import { buildApp, SECRET } from '../support/build-app.js'
import { GENERATE } from '../support/key-pairs.js'

const options: FastifyRefreshTokenOptions = { secret: SECRET, login: () => null }
const isAdmin = authorize((user) => user.sub === 'admin')

function createApp(t: Test): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  return app
}

/** Adds a guarded route, as an application does. */
function addRoutes(app: FastifyInstance): void {
  app.get('/me', { preHandler: authenticate }, async ({ user }) => user)
  app.get('/orders', { onRequest: [authenticate, authorize('orders:read')] }, async () => 'orders')
  app.get('/admin', { preHandler: [authenticate, isAdmin] }, async () => 'admin')
  app.post('/own', { onRequest: checkOrigin }, async () => 'own')
}

/** Asserts that the routes are guarded by the sessions of `scope`. */
async function areGuarded(t: Test, app: FastifyInstance, scope: FastifyInstance = app): Promise<void> {
  const { accessToken } = await scope.sessions.create({ sub: 'ada', claims: { scope: 'orders:write' } })
  const get = (url: string, token?: string) =>
    app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  t.match((await get('/me', accessToken)).json(), { sub: 'ada' })
  const open = await get('/me')
  t.equal(open.json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal(open.headers['www-authenticate'], 'Bearer realm="api"')
  t.equal((await get('/orders', accessToken)).json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
  t.equal((await get('/admin', accessToken)).json().code, 'FRT_ERR_INSUFFICIENT_SCOPE')
  const admin = await scope.sessions.create({ sub: 'admin', claims: { scope: 'orders:read' } })
  t.equal((await get('/orders', admin.accessToken)).body, 'orders')
  t.equal((await get('/admin', admin.accessToken)).body, 'admin')
  const post = (origin: string) => app.inject({ method: 'POST', url: '/own', headers: { origin } })
  t.equal((await post('https://evil.example')).json().code, 'FRT_ERR_CROSS_ORIGIN')
  t.equal((await post('http://localhost')).body, 'own')
}

t.test('guard a route although the plugin is registered without await', async (t) => {
  const app = createApp(t)
  app.register(fastifyRefreshToken, options)
  addRoutes(app)
  await app.ready()
  await areGuarded(t, app)
})

t.test('guard a route that is added before the plugin', async (t) => {
  const app = createApp(t)
  addRoutes(app)
  await app.register(fastifyRefreshToken, options)
  await areGuarded(t, app)
})

t.test('guard a route in a child scope that is loaded before the plugin', async (t) => {
  const app = createApp(t)
  app.register(async (scope) => addRoutes(scope))
  app.register(fp(async (scope) => void (await scope.register(fastifyRefreshToken, options))))
  await app.ready()
  await areGuarded(t, app)
})

t.test('use the registration in the scope of the route, also from a hook of the parent', async (t) => {
  const app = createApp(t)
  app.addHook('onRequest', authenticate)
  let inner = app
  await app.register(async (scope) => {
    inner = scope
    await scope.register(fastifyRefreshToken, { ...options, keyPrefix: 'inner:' })
    addRoutes(scope)
  })
  const { accessToken } = await inner.sessions.create({ sub: 'ada' })
  const response = await app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })
  t.match(response.json(), { sub: 'ada' })
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('fail with 500 if the plugin is missing or in a sibling scope', async (t) => {
  const sibling = async (scope: FastifyInstance) => void (await scope.register(fastifyRefreshToken, options))
  for (const register of [() => {}, (app: FastifyInstance) => void app.register(sibling)]) {
    const app = createApp(t)
    const causes: unknown[] = []
    app.addHook('onError', async (_request, _reply, error) => void causes.push(error.cause))
    register(app)
    addRoutes(app)
    for (const url of ['/me', '/orders', '/admin']) {
      const response = await app.inject({ url, headers: { authorization: 'Bearer x' } })
      t.equal(response.statusCode, 500)
      t.strictSame(response.json(), {
        statusCode: 500,
        code: 'FRT_ERR_NOT_REGISTERED',
        error: 'Internal Server Error',
        message: 'The authentication of this route is not configured'
      })
    }
    t.equal((await app.inject({ method: 'POST', url: '/own' })).json().code, 'FRT_ERR_NOT_REGISTERED')
    t.match(causes[0], {
      message: /^no registration of the plugin with authenticate is in the scope of GET \/me; /
    })
  }
})

t.test('a hook of the whole app leaves the login, refresh and logout routes open', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.addHook('onRequest', authenticate)
      app.addHook('onRequest', isAdmin)
    }
  })
  const login = await app.inject({ method: 'POST', url: '/auth/login', payload: { sub: 'ada' } })
  t.equal(login.statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout' })).statusCode, 200)
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('authorize without authenticate is a 401', async (t) => {
  const { app } = await buildApp(t, {
    extend: (app) => app.get('/orders', { preHandler: authorize('orders:read') }, async () => 'orders')
  })
  t.equal((await app.inject('/orders')).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
})

t.test('authorize rejects invalid arguments when it is called', async (t) => {
  for (const invalid of [[], ['a b'], [['a']], [1]]) {
    t.throws(() => authorize(...(invalid as string[])), { code: 'FRT_ERR_INVALID_OPTION' })
  }
})

t.test('work with a resource server, which has no CSRF check', async (t) => {
  const app = createApp(t)
  const { publicKey } = GENERATE.EdDSA()
  app.register(resourceServer, { keys: [publicKey], issuer: 'issuer', audience: 'api' })
  addRoutes(app)
  t.equal((await app.inject('/me')).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal((await app.inject({ method: 'POST', url: '/own' })).json().code, 'FRT_ERR_NOT_REGISTERED')
})
