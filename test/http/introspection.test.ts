import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { Claims, SessionStore } from '../../lib/index.js'
import { type BuildOptions, buildApp, DOWN, overriding } from '../support/build-app.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const KEY = `Basic ${Buffer.from('api:a secret of the service').toString('base64')}`

/** Builds an application that lets a service with `KEY` introspect tokens. */
function buildIntrospectable(t: Test, { options, ...build }: BuildOptions = {}) {
  return buildApp(t, {
    ...build,
    options: {
      routes: { introspect: true },
      oauth: { canIntrospect: ({ headers }) => headers.authorization === KEY },
      ...options
    }
  })
}

function introspect(
  app: FastifyInstance,
  form: string | Record<string, string> | [name: string, value: string][],
  headers: Record<string, string> = { authorization: KEY }
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url: '/auth/introspect',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(form).toString()
  })
}

function isInactive(t: Test, response: LightMyRequestResponse, what = 'inactive'): void {
  t.equal(response.statusCode, 200, what)
  t.strictSame(response.json(), { active: false }, what)
}

t.test('an active access token has its claims', async (t) => {
  await eachStore(t, async (t, open) => {
    const accessToken = { issuer: 'https://auth.example.com', audience: 'api', clientId: 'web' }
    const { app } = await buildIntrospectable(t, { under: open(t), options: { accessToken } })
    const claims = { scope: 'read write', roles: ['editor'], active: 'yes', token_type: 'mine' }
    const tokens = await app.sessions.create({ sub: 'ada', claims })
    const response = await introspect(app, { token: tokens.accessToken, token_type_hint: 'refresh_token' })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { exp, iat, jti, auth_time } = await app.sessions.verify(tokens.accessToken)
    t.strictSame(response.json(), {
      active: true,
      token_type: 'Bearer',
      scope: 'read write',
      roles: ['editor'],
      sub: 'ada',
      sid: tokens.session.sid,
      gen: 1,
      ...{ exp, iat, jti, auth_time },
      iss: 'https://auth.example.com',
      aud: 'api',
      client_id: 'web'
    })
  })
})

t.test('a scope that is not a string is left out', async (t) => {
  const { app } = await buildIntrospectable(t)
  const { accessToken } = await app.sessions.create({
    sub: 'ada',
    claims: { scope: ['read'] } as unknown as Claims
  })
  const answer = (await introspect(app, { token: accessToken })).json()
  t.equal(answer.active, true)
  t.notOk('scope' in answer)
})

t.test('every other token says only that it is not active', async (t) => {
  await eachStore(t, async (t, open) => {
    const { app, advance } = await buildIntrospectable(t, { under: open(t) })
    const { accessToken, refreshToken } = await app.sessions.create({ sub: 'ada' })
    isInactive(t, await introspect(app, { token: refreshToken }), 'a refresh token')
    for (const token of ['x', 'A'.repeat(92), 'a.b.c', `${accessToken.slice(0, -4)}AAAA`, 'ünï']) {
      isInactive(t, await introspect(app, { token }), token)
    }
    const revoked = await app.sessions.create({ sub: 'ada' })
    await app.sessions.revoke(revoked.session.sid)
    isInactive(t, await introspect(app, { token: revoked.accessToken }), 'a revoked session')
    await advance(6 * MINUTE)
    isInactive(t, await introspect(app, { token: accessToken }), 'an expired token')
  })
})

for (const mode of ['none', 'feed', 'store'] as const) {
  t.test(`the store decides with the revocation mode ${mode}`, async (t) => {
    const under = openMemoryStore()
    const { app } = await buildIntrospectable(t, { under, options: { revocation: { mode } } })
    const { accessToken, session } = await app.sessions.create({ sub: 'ada' })
    t.equal((await introspect(app, { token: accessToken })).json().active, true)
    // Another process revokes it, and the feed has not delivered the revocation yet.
    await under.store.revoke([session.sid], 'revoked', 'another1')
    isInactive(t, await introspect(app, { token: accessToken }))
  })
}

t.test('a caller that has not authenticated gets 401, whatever the token', async (t) => {
  const { app } = await buildIntrospectable(t)
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  for (const [authorization, challenge] of [
    [undefined, 'Basic realm="api"'],
    ['Basic eDp4', 'Basic realm="api"'],
    [`Bearer ${accessToken}`, 'Bearer realm="api"']
  ] as const) {
    for (const form of [{ token: accessToken }, { token: 'x' }, '']) {
      const response = await introspect(app, form, authorization === undefined ? {} : { authorization })
      t.equal(response.statusCode, 401)
      t.strictSame(response.json(), {
        error: 'invalid_client',
        error_description: 'The caller must authenticate to introspect tokens'
      })
      t.equal(response.headers['www-authenticate'], challenge)
      t.equal(response.headers['cache-control'], 'no-store')
    }
  }
})

t.test('only the result true lets a caller in', async (t) => {
  let result: unknown
  const canIntrospect = () => result as boolean
  const { app } = await buildIntrospectable(t, { options: { oauth: { canIntrospect } } })
  const { accessToken: token } = await app.sessions.create({ sub: 'ada' })
  for (result of [
    undefined,
    null,
    false,
    0,
    1,
    'true',
    {},
    [],
    Promise.resolve(false),
    Promise.resolve('yes')
  ]) {
    t.equal((await introspect(app, { token })).statusCode, 401, String(result))
  }
  for (result of [true, Promise.resolve(true)]) {
    t.equal((await introspect(app, { token })).json().active, true)
  }
})

t.test('an error of canIntrospect passes through, and lets no caller in', async (t) => {
  const canIntrospect = async () => {
    throw Object.assign(new Error('too many'), { statusCode: 429 })
  }
  const { app } = await buildIntrospectable(t, { options: { oauth: { canIntrospect } } })
  const { accessToken: token } = await app.sessions.create({ sub: 'ada' })
  const response = await introspect(app, { token })
  t.equal(response.statusCode, 429)
  t.notOk('active' in response.json())
})

t.test('the challenge of a hook of the application stays', async (t) => {
  const challenge = 'Bearer realm="services"'
  const { app } = await buildIntrospectable(t, {
    options: {
      routes: {
        introspect: { onRequest: async (_request, reply) => void reply.header('www-authenticate', challenge) }
      }
    }
  })
  t.equal((await introspect(app, { token: 'x' }, {})).headers['www-authenticate'], challenge)
})

t.test('a missing, empty or repeated token is invalid_request', async (t) => {
  const { app } = await buildIntrospectable(t)
  const repeated: [string, string][] = [
    ['token', 'a'],
    ['token', 'b']
  ]
  for (const form of ['', { token: '' }, { refresh_token: 'x' }, repeated]) {
    const response = await introspect(app, form)
    t.equal(response.statusCode, 400)
    t.equal(response.json().error, 'invalid_request')
  }
})

t.test('an unavailable store is a 503, not an inactive token', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildIntrospectable(t, { under: overriding(openMemoryStore(), broken) })
  const { accessToken: token } = await app.sessions.create({ sub: 'ada' })
  Object.assign(broken, DOWN)
  const response = await introspect(app, { token })
  t.equal(response.statusCode, 503)
  t.match(response.headers['retry-after'], /^\d+$/)
})

t.test('an introspection confirms the generation, unless refreshToken.confirms returns false', async (t) => {
  let isConfirmed = false
  const { app, advance, settled } = await buildIntrospectable(t, {
    options: { refreshToken: { confirms: () => isConfirmed } }
  })
  const { refreshToken } = await app.sessions.create({ sub: 'ada' })
  const { accessToken } = await app.sessions.refresh(refreshToken)
  for (isConfirmed of [false, true]) {
    await introspect(app, { token: accessToken })
    await settled()
    await advance(2 * MINUTE)
    const replay = app.sessions.refresh(refreshToken)
    if (isConfirmed) await t.rejects(replay, { code: 'FRT_ERR_REFRESH_TOKEN_REUSED' })
    else t.equal((await replay).session.gen, 2)
  }
})

t.test('a page of another site cannot call the route', async (t) => {
  const { app } = await buildIntrospectable(t)
  const headers = { authorization: KEY, 'sec-fetch-site': 'cross-site' }
  t.equal((await introspect(app, { token: 'x' }, headers)).statusCode, 403)
})

t.test('a guard on all routes skips the route, which has its own check', async (t) => {
  const extend = (app: FastifyInstance) => app.addHook('preHandler', app.authenticate)
  const { app } = await buildIntrospectable(t, { extend })
  isInactive(t, await introspect(app, { token: 'x' }))
})

t.test('the route exists only if it is enabled', async (t) => {
  const { app } = await buildIntrospectable(t, { options: { routes: {} } })
  t.equal((await introspect(app, { token: 'x' })).statusCode, 404)
})
