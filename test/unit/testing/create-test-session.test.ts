import { generateKeyPairSync } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken } from '../../../lib/index.js'
import { createProof, createTestSession } from '../../../lib/testing/index.js'
import { SECRET } from '../../support/build-app.js'

const NAMES = {
  cookie: { name: 'refresh' },
  header: { refreshToken: 'x-refresh', accessToken: 'x-access' },
  accessToken: { header: 'x-auth-token' }
}

/** Creates an application as users write it. It is not ready yet. */
function createApp(options: Partial<FastifyRefreshTokenOptions>): FastifyInstance {
  const app = Fastify()
  app.register(async (scope) => {
    await scope.register(fastifyRefreshToken, { secret: SECRET, routes: { login: false }, ...options })
    scope.get('/me', { preHandler: scope.authenticate }, async (request) => request.user)
    app.decorate('sessions', scope.sessions)
  })
  return app
}

for (const [kind, names] of Object.entries({ default: {}, custom: NAMES })) {
  for (const transport of ['cookie', 'header', 'body'] as const) {
    t.test(
      `createTestSession returns working tokens for transport ${transport} with ${kind} names`,
      async (t) => {
        const app = createApp({ transport, ...names })
        t.after(() => app.close())
        const session = await createTestSession(
          app,
          { sub: 'ada', claims: { roles: ['admin'] } },
          { transport }
        )
        const { headers, cookies, payload, tokens } = session

        const me = await app.inject({ url: '/me', headers })
        t.match(me.json(), { sub: 'ada', roles: ['admin'], sid: tokens.session.sid })

        const request = { headers, cookies, ...(payload && { payload }) }
        const refreshed = await app.inject({ method: 'POST', url: '/auth/refresh', ...request })
        t.equal(refreshed.statusCode, 200)
        const sessions = await app.inject({ url: '/auth/sessions', headers })
        t.match(sessions.json(), { sessions: [{ id: tokens.session.sid, current: true }] })

        t.equal((await app.inject({ method: 'POST', url: '/auth/logout', ...request })).statusCode, 200)
        t.equal((await app.inject({ url: '/me', headers })).statusCode, 401)
      }
    )
  }
}

t.test('createTestSession returns the refresh token in one place only', async (t) => {
  const app = createApp({})
  t.after(() => app.close())
  const access = ['authorization']
  const byDefault = await createTestSession(app, { sub: 'ada' })
  t.same(Object.keys(byDefault.headers), access)
  t.same(byDefault.cookies, { '__Host-refresh_token': byDefault.tokens.refreshToken })
  t.equal(byDefault.payload, undefined)
  const body = await createTestSession(app, { sub: 'ada' }, { transport: 'body' })
  t.same([Object.keys(body.headers), body.cookies], [access, {}])
  t.same(body.payload, { refresh_token: body.tokens.refreshToken })
  const header = await createTestSession(app, { sub: 'ada' }, { transport: 'header' })
  t.same(Object.keys(header.headers), [...access, 'x-refresh-token'])
  t.same([header.cookies, header.payload], [{}, undefined])
})

t.test('createTestSession uses the registration of the given scope', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  const scopes: FastifyInstance[] = []
  for (const name of ['staff', 'customers']) {
    app.register(async (scope) => {
      const options = { routes: { login: false, prefix: `/${name}` }, keyPrefix: `${name}:` } as const
      await scope.register(fastifyRefreshToken, { secret: SECRET, ...options, cookie: { name } })
      scopes.push(scope)
    })
  }
  await app.ready()
  const [staff, customers] = scopes as [FastifyInstance, FastifyInstance]
  const { headers, cookies } = await createTestSession(customers, { sub: 'ada' })
  t.same(Object.keys(cookies), ['customers'])
  t.equal((await app.inject({ url: '/customers/sessions', headers })).statusCode, 200)
  t.equal((await app.inject({ url: '/staff/sessions', headers })).statusCode, 401)
  t.same(Object.keys((await createTestSession(staff, { sub: 'ada' })).cookies), ['staff'])
})

t.test('createTestSession rejects an invalid identity', async (t) => {
  const app = createApp({})
  t.after(() => app.close())
  await t.rejects(createTestSession(app, { sub: '' }), { code: 'FRT_ERR_INVALID_IDENTITY' })
})

t.test('createTestSession binds the session to a key', async (t) => {
  const app = createApp({})
  t.after(() => app.close())
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { cookies, tokens } = await createTestSession(app, { sub: 'ada' }, { key })
  t.match(tokens.session.jkt, /^[\w-]{43}$/)
  const refresh = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/auth/refresh', cookies, headers })
  t.equal((await refresh({})).json().code, 'FRT_ERR_PROOF_REQUIRED')
  const dpop = createProof(key, { method: 'POST', url: 'http://localhost/auth/refresh' })
  t.equal((await refresh({ dpop })).statusCode, 200)
})
