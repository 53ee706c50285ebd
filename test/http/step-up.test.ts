import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import {
  type Authentication,
  authenticate,
  type FastifyRefreshTokenOptions,
  requireAuthentication
} from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000

function addRoutes(app: FastifyInstance): void {
  const ok = async () => 'ok'
  const elevate = async (request: FastifyRequest, reply: FastifyReply) =>
    reply.elevate(request.body as Authentication)
  app.get('/recent', { preHandler: [app.authenticate, app.requireAuthentication({ maxAge: '5m' })] }, ok)
  app.get('/otp', { preHandler: [app.authenticate, app.requireAuthentication({ acr: 'otp' })] }, ok)
  const both = requireAuthentication({ maxAge: 60, acr: ['otp', 'passkey'] })
  app.get('/both', { preHandler: [authenticate, both] }, ok)
  app.get('/without-guard', { preHandler: both }, ok)
  app.post('/elevate', { preHandler: app.authenticate }, elevate)
  app.post('/reissue', { preHandler: app.authenticate }, async (_request, reply) =>
    reply.reissueAccessToken()
  )
}

function claimsOf(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

const challenge = (parameters: string) =>
  `Bearer realm="api", error="insufficient_user_authentication", error_description="The request requires a more recent or a stronger authentication", ${parameters}`

await eachStore(t, async (t, open) => {
  async function build(
    t: Test,
    identity: object = { sub: 'ada' },
    options: Partial<FastifyRefreshTokenOptions> = {}
  ) {
    const built = await buildApp(t, { under: open(t), options, extend: addRoutes })
    const client = new Client(built.app)
    await client.login(identity)
    const call = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
      const headers = client.accessHeaders()
      return built.app.inject({ method, url, headers, ...(payload && { payload }) })
    }
    /** Authenticates again, and uses the new access token. */
    const elevate = async (authentication: Authentication) => {
      const response = await call('POST', '/elevate', authentication)
      client.jar.accessToken = response.json().access_token ?? client.jar.accessToken
      return response
    }
    return { ...built, client, call, elevate }
  }

  t.test('a guard asks for a recent authentication, as RFC 9470 writes it', async (t) => {
    const { client, call, elevate, advance } = await build(t)
    t.equal((await call('GET', '/recent')).statusCode, 200)
    await advance(5 * MINUTE + 1000)
    await client.refresh()
    const response = await call('GET', '/recent')
    t.equal(response.statusCode, 401)
    t.equal(response.json().code, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION')
    t.equal(response.headers['www-authenticate'], challenge('max_age="300"'))

    const elevated = await elevate({})
    t.equal(elevated.statusCode, 200)
    t.equal(elevated.headers['cache-control'], 'no-store')
    t.equal((await call('GET', '/recent')).statusCode, 200)
    await advance(4 * MINUTE)
    await client.refresh()
    t.equal((await call('GET', '/recent')).statusCode, 200, 'a refresh keeps the time of the authentication')
    await advance(2 * MINUTE)
    await client.refresh()
    t.equal((await call('GET', '/recent')).statusCode, 401)
  })

  t.test('a guard asks for a class of authentication', async (t) => {
    const { client, call, elevate, advance } = await build(t, { sub: 'ada', acr: 'pwd', amr: ['pwd'] })
    t.match(claimsOf(client.jar.accessToken as string), { acr: 'pwd', amr: ['pwd'] })
    const response = await call('GET', '/otp')
    t.match([response.statusCode, response.headers['www-authenticate']], [401, challenge('acr_values="otp"')])
    await advance(MINUTE)
    const before = claimsOf(client.jar.accessToken as string)
    await elevate({ acr: 'otp', amr: ['pwd', 'otp'] })
    const after = claimsOf(client.jar.accessToken as string)
    t.match(after, {
      acr: 'otp',
      amr: ['pwd', 'otp'],
      auth_time: before.auth_time + 60,
      sid: before.sid,
      gen: before.gen,
      exp: before.exp
    })
    t.equal((await call('GET', '/otp')).statusCode, 200)
    t.equal((await call('GET', '/both')).statusCode, 200)
    await client.refresh()
    t.match((await client.call()).json(), { acr: 'otp', amr: ['pwd', 'otp'], auth_time: after.auth_time })
    await advance(MINUTE + 1000)
    await client.refresh()
    const both = await call('GET', '/both')
    t.equal(both.headers['www-authenticate'], challenge('acr_values="otp passkey", max_age="60"'))

    await elevate({})
    t.strictSame((await client.call()).json().acr, undefined, 'a property that is not given is removed')
    t.equal((await call('GET', '/otp')).statusCode, 401)
  })

  t.test('a copied access token does not get the authentication of its user', async (t) => {
    const { app, client, call, elevate } = await build(t)
    const thief = client.copy()
    await elevate({ acr: 'otp' })
    const reissue = async (client: Client) =>
      app.inject({ method: 'POST', url: '/reissue', headers: client.accessHeaders() })
    const { access_token } = (await reissue(thief)).json()
    t.equal(claimsOf(access_token).acr, undefined)
    t.equal(claimsOf(access_token).auth_time, claimsOf(thief.jar.accessToken as string).auth_time)
    thief.jar.accessToken = access_token
    t.equal((await thief.call('/otp')).json().code, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION')

    client.jar.accessToken = (await reissue(client)).json().access_token
    t.equal((await call('GET', '/otp')).statusCode, 200, 'the client that authenticated keeps it')
  })

  t.test('elevate is in the log', async (t) => {
    const { logs, elevate } = await build(t)
    await elevate({ acr: 'otp' })
    t.match(
      logs.filter(({ event }) => event === 'session_elevated'),
      [{ level: 30, sub: 'ada', acr: 'otp', sid: /^[\w-]{32}$/ }]
    )
  })

  t.test('an invalid authentication is a 500 and changes nothing', async (t) => {
    const { app, client, elevate, logs } = await build(t, { sub: 'ada', acr: 'pwd' })
    const { sid } = claimsOf(client.jar.accessToken as string)
    for (const authentication of [
      { acr: 'a b' },
      { acr: '' },
      { acr: 'x'.repeat(65) },
      { acr: '"' },
      { acr: 7 },
      { amr: 'otp' },
      { amr: ['a b'] },
      { amr: Array.from({ length: 9 }, () => 'x') },
      { level: 2 },
      undefined
    ]) {
      const response = await elevate(authentication as Authentication)
      t.match([response.statusCode, response.json().code], [500, 'FRT_ERR_INVALID_IDENTITY'])
    }
    t.match(await app.sessions.get(sid), { acr: 'pwd', amr: [] })
    t.match(JSON.stringify(logs), /authentication\.acr must be/)
  })

  t.test('elevate fails for a session that has ended', async (t) => {
    const { app, client, elevate } = await build(t, { sub: 'ada' }, { revocation: { mode: 'none' } })
    await app.sessions.revoke(claimsOf(client.jar.accessToken as string).sid)
    t.equal((await elevate({ acr: 'otp' })).json().code, 'FRT_ERR_SESSION_REVOKED')
  })

  t.test('routes.stepUp guards logouts of other sessions', async (t) => {
    const stepUp = { acr: 'otp' }
    const { client, call, elevate } = await build(t, { sub: 'ada' }, { routes: { stepUp } })
    const { sid } = claimsOf(client.jar.accessToken as string)
    const guarded = [
      ['POST', '/auth/logout-all'],
      ['POST', '/auth/logout-others'],
      ['DELETE', `/auth/sessions/${sid}`]
    ] as const
    for (const [method, url] of guarded) {
      const response = await call(method, url)
      t.match([response.statusCode, response.json().code], [401, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION'], url)
    }
    t.equal((await call('GET', '/auth/sessions')).statusCode, 200)
    await elevate({ acr: 'otp' })
    t.equal((await call('POST', '/auth/logout-others')).statusCode, 200)
    t.equal((await call('DELETE', `/auth/sessions/${sid}`)).statusCode, 200)
  })

  t.test('an invalid requirement is an error at registration', async (t) => {
    const { app } = await build(t)
    for (const required of [
      {},
      undefined,
      { maxAge: 0 },
      { acr: '' },
      { acr: [] },
      { acr: ['a b'] },
      { age: 1 }
    ]) {
      t.throws(() => app.requireAuthentication(required as object), { code: 'FRT_ERR_INVALID_OPTION' })
      t.throws(() => requireAuthentication(required as object), { code: 'FRT_ERR_INVALID_OPTION' })
    }
  })
})

t.test('an invalid routes.stepUp is an error at registration', async (t) => {
  await t.rejects(buildApp(t, { options: { routes: { stepUp: {} } } }), {
    message: 'option "routes.stepUp" must be an object with maxAge or acr'
  })
})

t.test('a guard for the whole app leaves the login open', async (t) => {
  const { app } = await buildApp(t, {
    prepare: (app) => {
      app.addHook('onRequest', authenticate)
      app.addHook('preHandler', requireAuthentication({ acr: 'otp' }))
    }
  })
  const client = new Client(app)
  t.equal((await client.login()).statusCode, 200)
  t.equal((await client.call()).json().code, 'FRT_ERR_INSUFFICIENT_AUTHENTICATION')
})

t.test('a process that has not called the store compares with its own clock', async (t) => {
  const under = openMemoryStore()
  const { app, advance } = await buildApp(t, { under })
  const { accessToken } = await app.sessions.create({ sub: 'ada' })
  const other = await buildApp(t, { under, extend: addRoutes, options: { accessToken: { ttl: '1h' } } })
  const call = () => other.app.inject({ url: '/recent', headers: { authorization: `Bearer ${accessToken}` } })
  t.equal((await call()).statusCode, 200)
  await advance(4 * MINUTE)
  t.equal((await call()).statusCode, 200)
})

t.test('without authenticate, the response is a 401', async (t) => {
  const { app } = await buildApp(t, { extend: addRoutes })
  const client = new Client(app)
  await client.login({ sub: 'ada', acr: 'otp' })
  const response = await client.call('/without-guard')
  t.equal(response.json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
})

t.test('a store that is down does not matter to the guard, and is a 503 for elevate', async (t) => {
  const methods = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), methods), extend: addRoutes })
  const client = new Client(app)
  await client.login({ sub: 'ada', acr: 'otp' })
  Object.assign(methods, DOWN)
  t.equal((await client.call('/both')).statusCode, 200)
  const response = await app.inject({
    method: 'POST',
    url: '/elevate',
    headers: client.accessHeaders(),
    payload: {}
  })
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
})

t.test('acr and amr are reserved claims', async (t) => {
  const { app } = await buildApp(t)
  for (const claims of [{ acr: 'otp' }, { amr: ['otp'] }]) {
    t.equal((await new Client(app).login({ sub: 'ada', claims })).json().code, 'FRT_ERR_INVALID_IDENTITY')
  }
})
