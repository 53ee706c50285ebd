import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fastifyJwt from '@fastify/jwt'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import t, { type Test } from 'tap'
import defaultExport, {
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  MemoryStore
} from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { startRedis } from '../support/redis-server.js'

const OPTIONS = { secret: SECRET, login: () => ({ sub: 'ada' }) } satisfies FastifyRefreshTokenOptions
const OTHER_SECRET = 'a secret of the app, for tokens of its own'

function bareApp(t: Test): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  return app
}

async function register(app: FastifyInstance, options: FastifyRefreshTokenOptions): Promise<void> {
  await app.register(fastifyRefreshToken, options)
}

t.test('the default export is the named one', async (t) => {
  t.equal(defaultExport, fastifyRefreshToken)
  const app = bareApp(t)
  await app.register(defaultExport, OPTIONS)
  t.ok(app.hasPlugin('fastify-refresh-token'))
})

t.test('decorates the scope that registers the plugin', async (t) => {
  const app = bareApp(t)
  await app.register(fastifyRefreshToken, OPTIONS)
  t.type(app.authenticate, 'function')
  t.type(app.authorize, 'function')
  t.type(app.requireAuthentication, 'function')
  t.same(Object.keys(app.sessions).sort(), [
    'create',
    'get',
    'list',
    'refresh',
    'revoke',
    'revokeAll',
    'rotateKeys',
    'update',
    'verify'
  ])
  for (const name of ['user', 'authenticate']) t.ok(app.hasRequestDecorator(name), name)
  for (const name of ['startSession', 'refreshSession', 'reissueAccessToken', 'elevate', 'endSession'])
    t.ok(app.hasReplyDecorator(name), name)
})

t.test('a second registration in one scope is an error', async (t) => {
  await t.test('with the same prefix', async (t) => {
    const app = bareApp(t)
    await app.register(fastifyRefreshToken, OPTIONS)
    await t.rejects(register(app, OPTIONS), {
      code: 'FRT_ERR_INVALID_OPTION',
      message: /^keyPrefix 'frt:' is already used by another registration in this app$/
    })
  })
  await t.test('with another prefix', async (t) => {
    const app = bareApp(t)
    await app.register(fastifyRefreshToken, OPTIONS)
    const again = { ...OPTIONS, keyPrefix: 'other:', routes: { prefix: '/other' } }
    await t.rejects(register(app, again), {
      code: 'FST_ERR_DEC_ALREADY_PRESENT'
    })
  })
})

t.test('two scopes of one app with the same prefix are an error', async (t) => {
  const app = bareApp(t)
  const scope: FastifyPluginAsync = async (scope) => {
    await scope.register(fastifyRefreshToken, OPTIONS)
  }
  app.register(scope, { prefix: '/customers' })
  app.register(scope, { prefix: '/staff' })
  await t.rejects(Promise.resolve(app.ready()), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: /^keyPrefix 'frt:' is already used/
  })
})

t.test('two scopes of one app with the same store are an error', async (t) => {
  const app = bareApp(t)
  const store = new MemoryStore()
  app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, { ...OPTIONS, store })
  })
  app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, { ...OPTIONS, store, keyPrefix: 'staff:' })
  })
  await t.rejects(Promise.resolve(app.ready()), {
    code: 'FRT_ERR_INVALID_OPTION',
    message: /^option "store" is already used/
  })
})

t.test('two apps of one process can have the same prefix', async (t) => {
  for (let i = 0; i < 2; i++) {
    const app = bareApp(t)
    await app.register(fastifyRefreshToken, OPTIONS)
    t.equal((await new Client(app).login()).statusCode, 200)
  }
})

t.test('an invalid option is an error at registration that names its path', async (t) => {
  const invalid: [message: RegExp, options: unknown][] = [
    [/^options must be an object$|^option "secret" must be/, undefined],
    [/^option "secret" must be .*32 bytes/, { ...OPTIONS, secret: 'short' }],
    [/^option "login" must be/, { secret: SECRET }],
    [/^option "refreshToken\.ttl" must be/, { ...OPTIONS, refreshToken: { ttl: 'soon' } }],
    [/^unknown option "acessToken", did you mean "accessToken"\?$/, { ...OPTIONS, acessToken: {} }],
    [/^option "cookie\.sameSite" must be 'strict'/, { ...OPTIONS, cookie: { sameSite: 'Lax' } }]
  ]
  for (const [message, options] of invalid) {
    const app = bareApp(t)
    await t.rejects(register(app, options as FastifyRefreshTokenOptions), {
      code: 'FRT_ERR_INVALID_OPTION',
      message
    })
  }
})

type Decorate = (app: FastifyInstance) => unknown
const TAKEN: [name: string, decorate: Decorate][] = [
  ['authenticate', (app) => app.decorate('authenticate', async () => {})],
  ['authorize', (app) => app.decorate('authorize', () => async () => {})],
  ['sessions', (app) => app.decorate('sessions', {} as never)],
  ['authenticate', (app) => app.decorateRequest('authenticate', (() => {}) as never)],
  ['checkOrigin', (app) => app.decorate('checkOrigin', async () => {})],
  ['startSession', (app) => app.decorateReply('startSession', (() => {}) as never)],
  ['refreshSession', (app) => app.decorateReply('refreshSession', (() => {}) as never)],
  ['endSession', (app) => app.decorateReply('endSession', (() => {}) as never)]
]

for (const [name, decorate] of TAKEN) {
  t.test(`a decorator of the app with the same name (${decorate}) is an error`, async (t) => {
    const app = bareApp(t)
    decorate(app)
    await t.rejects(register(app, OPTIONS), {
      code: 'FST_ERR_DEC_ALREADY_PRESENT',
      message: new RegExp(name)
    })
  })
}

t.test('two registrations with one secret reject tokens of each other', async (t) => {
  const app = bareApp(t)
  const instances: FastifyInstance[] = []
  for (const name of ['customers', 'staff']) {
    app.register(
      async (scope) => {
        await scope.register(fastifyRefreshToken, {
          ...OPTIONS,
          keyPrefix: `${name}:`,
          cookie: { name: `__Host-${name}` }
        })
        scope.get('/me', { preHandler: scope.authenticate }, async ({ user }) => user)
        instances.push(scope)
      },
      { prefix: `/${name}` }
    )
  }
  await app.ready()
  t.notOk(app.hasDecorator('authenticate'), 'nothing of them reaches the app itself')

  const at = (name: string) => new Client(app, { prefix: `/${name}/auth`, tokenName: `__Host-${name}` })
  const customer = at('customers')
  await customer.login()
  t.equal((await customer.call('/customers/me')).statusCode, 200)
  t.equal((await customer.call('/staff/me')).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')

  const intruder = at('staff')
  intruder.jar.refreshToken = customer.jar.refreshToken
  t.equal((await intruder.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_INVALID')
  t.equal((await intruder.logout()).statusCode, 200)
  t.equal((await customer.refresh()).statusCode, 200, 'a logout of the other registration revokes nothing')

  const both = new Client(app, { prefix: '/staff/auth', tokenName: '__Host-staff' })
  t.equal((await both.login()).statusCode, 200)
  t.equal((await customer.call('/customers/me')).statusCode, 200, 'one browser has both')

  const [customers, staff] = instances
  t.equal((await customers?.sessions.list('ada'))?.length, 1)
  t.equal((await staff?.sessions.list('ada'))?.length, 1)
})

t.test('a registration in a child scope does not affect its parent', async (t) => {
  const app = bareApp(t)
  app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, OPTIONS)
    scope.get('/inside', { preHandler: scope.authenticate }, async () => ({}))
  })
  app.get('/outside', async (_request, reply) => reply.code(401).send({ own: true }))
  await app.ready()
  t.notOk(app.hasDecorator('sessions'))
  t.notOk(app.hasRequestDecorator('user'))
  t.notOk(app.hasReplyDecorator('startSession'))
  t.equal((await app.inject('/inside')).statusCode, 401)
  t.equal((await app.inject('/outside')).headers['www-authenticate'], undefined)
  t.equal((await new Client(app).login()).statusCode, 200)
})

t.test('child scopes can guard their routes', async (t) => {
  const app = bareApp(t)
  await app.register(fastifyRefreshToken, OPTIONS)
  app.register(
    async (scope) => {
      scope.addHook('onRequest', scope.authenticate)
      scope.get('/me', async ({ user }) => user)
    },
    { prefix: '/inner' }
  )
  const client = new Client(app)
  await client.login()
  const rejected = await app.inject('/inner/me')
  t.equal(rejected.headers['www-authenticate'], 'Bearer realm="api"')
  t.match((await client.call('/inner/me')).json(), { sub: 'ada' })
})

for (const when of ['before', 'after'] as const) {
  t.test(`an app that registers @fastify/jwt ${when} keeps its own tokens`, async (t) => {
    const app = bareApp(t)
    if (when === 'before') await app.register(fastifyJwt, { secret: OTHER_SECRET })
    await app.register(fastifyRefreshToken, OPTIONS)
    if (when === 'after') {
      await app.register(fastifyJwt, { secret: OTHER_SECRET, decoratorName: 'partner' })
    }
    app.get('/own', { onRequest: (request) => request.jwtVerify() }, async (request) => ({
      user: request.user,
      partner: (request as { partner?: unknown }).partner
    }))
    app.get('/plugin', { onRequest: app.authenticate }, async ({ user }) => ({ user }))
    app.get('/open', async ({ user }) => ({ user }))
    await app.ready()

    const client = new Client(app)
    await client.login()
    const own = app.jwt.sign({ of: 'the app' })
    const sendRequest = async (url: string, token: string | undefined) =>
      app.inject({ url, headers: { authorization: `Bearer ${token}` } })

    const decoded = (await sendRequest('/own', own)).json()
    t.match(when === 'before' ? decoded.user : decoded.partner, { of: 'the app' })
    t.match((await sendRequest('/plugin', client.jar.accessToken)).json(), { user: { sub: 'ada' } })
    t.same((await sendRequest('/open', client.jar.accessToken)).json(), { user: null })
    t.equal((await sendRequest('/own', client.jar.accessToken)).statusCode, 401)
    t.equal((await sendRequest('/plugin', own)).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')
  })
}

t.test('an app that has @fastify/jwt keeps a decorator of another name', async (t) => {
  const app = bareApp(t)
  await app.register(fastifyJwt, { secret: OTHER_SECRET, namespace: 'partner', decoratorName: 'partner' })
  await app.register(fastifyRefreshToken, OPTIONS)
  app.get('/me', { preHandler: app.authenticate }, async ({ user }) => user)
  const client = new Client(app)
  await client.login()
  t.match((await client.call()).json(), { sub: 'ada' })
})

t.test('app.close() does not close the Redis client of the app', async (t) => {
  const redis = (await startRedis(t)).client()
  const app = Fastify()
  await app.register(fastifyRefreshToken, { ...OPTIONS, redis })
  const client = new Client(app)
  await client.login()
  t.equal((await client.refresh()).statusCode, 200)
  await app.close()
  t.equal(redis.status, 'ready')
  t.equal(await redis.ping(), 'PONG')
  t.ok((await redis.dbsize()) > 0, 'the sessions outlive the process')
})

const run = promisify(execFile)

/** Exits by itself, or is killed after a timeout. */
const PROGRAM = `
import Fastify from 'fastify'
import fastifyRefreshToken, { MemoryStore } from './lib/index.ts'
const store = new MemoryStore()
const app = Fastify()
await app.register(fastifyRefreshToken, { secret: 'x'.repeat(32), store, login: () => ({ sub: 'ada' }) })
await app.listen({ port: 0, host: '127.0.0.1' })
const login = await app.inject({ method: 'POST', url: '/auth/login' })
const headers = { cookie: login.headers['set-cookie'].split(';')[0] }
await app.inject({ method: 'POST', url: '/auth/refresh', headers })
store.revoke = async () => { throw new Error('down') }
const logout = await app.inject({ method: 'POST', url: '/auth/logout', headers })
await app.close()
console.log(logout.statusCode)
`

t.test('the process exits after app.close(), even with pending retries', async (t) => {
  const args = ['--import=./scripts/ts-loader.mjs', '--input-type=module', '--eval', PROGRAM]
  const { stdout } = await run(process.execPath, args, { timeout: 300_000 })
  t.equal(stdout.trim(), '503')
})
