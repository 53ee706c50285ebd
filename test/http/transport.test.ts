import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions, Transport } from '../../lib/index.js'
import { buildApp, listen } from '../support/build-app.js'
import { Client } from '../support/client.js'

const NAME = '__Host-refresh_token'
const TOKEN = /[\w-]{92}/
const TRANSPORTS: Transport[] = ['cookie', 'body', 'header']

/** Returns the places of a response that contain text like a refresh token. */
function placesOf({ headers, body }: LightMyRequestResponse): string[] {
  const { 'set-cookie': cookies, ...others } = headers
  const inHeaders = Object.entries(others).filter(([, value]) => TOKEN.test(String(value)))
  const { access_token: _, ...rest } = JSON.parse(body)
  return [
    ...(TOKEN.test(String(cookies)) ? ['cookie'] : []),
    ...(TOKEN.test(JSON.stringify(rest)) ? ['body'] : []),
    // Access tokens are longer.
    ...inHeaders.map(([name]) => name).filter((name) => name !== 'x-access-token')
  ].map((place) => (place === 'x-refresh-token' ? 'header' : place))
}

/** Sends a token by one transport only. */
function send(
  app: FastifyInstance,
  path: string,
  place: Transport,
  token = ''
): Promise<LightMyRequestResponse> {
  const request = {
    cookie: { headers: { cookie: `${NAME}=${token}` } },
    body: { payload: { refresh_token: token } },
    header: { headers: { 'x-refresh-token': token } }
  }[place]
  return app.inject({ method: 'POST', url: `/auth${path}`, ...request })
}

for (const transport of TRANSPORTS) {
  t.test(`with transport ${transport} only this transport contains the token`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const client = new Client(app, { transport })
    t.same(placesOf(await client.login()), [transport])
    t.same(placesOf(await client.refresh()), [transport])
    t.same(placesOf(await client.logout()), [])
  })

  t.test(`with transport ${transport} a token in another place is ignored`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const client = new Client(app, { transport })
    await client.login()
    for (const place of TRANSPORTS.filter((place) => place !== transport)) {
      const refreshed = await send(app, '/refresh', place, client.jar.refreshToken)
      t.equal(refreshed.statusCode, 401, place)
      t.equal(refreshed.json().code, 'FRT_ERR_NO_REFRESH_TOKEN', place)
      t.same(placesOf(refreshed), [])
      t.equal((await send(app, '/logout', place, client.jar.refreshToken)).statusCode, 200)
    }
    t.equal((await client.refresh()).statusCode, 200, 'nor did it log out')
  })

  t.test(`with transport ${transport} malformed tokens in other places are ignored`, async (t) => {
    const { app } = await buildApp(t, { options: { transport } })
    const client = new Client(app, { transport })
    await client.login()
    const other = await app.sessions.create({ sub: 'grace' })
    const response = await app.inject({
      method: 'POST',
      url: '/auth/refresh',
      headers: {
        cookie: `${NAME}=${transport === 'cookie' ? client.jar.refreshToken : other.refreshToken}`,
        'x-refresh-token': String(transport === 'header' ? client.jar.refreshToken : other.refreshToken)
      },
      payload: { refresh_token: transport === 'body' ? client.jar.refreshToken : other.refreshToken }
    })
    t.equal(response.statusCode, 200)
    t.same(placesOf(response), [transport])
    t.match(await app.sessions.verify(response.json().access_token), { sub: 'ada' })
    t.match(await app.sessions.list('grace'), [{ gen: 1 }])
  })
}

/** Logs in and rotates, so that the current token is in its cooldown. */
async function inCooldown(t: Test, transport: Transport) {
  const { app, settled } = await buildApp(t, { options: { transport } })
  const client = new Client(app, { transport })
  await client.login()
  await client.refresh()
  await client.call()
  await settled()
  return client
}

t.test('a refresh in the cooldown returns the same copy in the body', async (t) => {
  const client = await inCooldown(t, 'body')
  const { refreshToken, accessToken } = client.jar
  const again = await client.refresh()
  t.equal(again.statusCode, 200)
  t.equal(again.json().refresh_token, refreshToken)
  t.equal(again.json().refresh_token_expires_in, 14 * 24 * 60 * 60)
  t.match((await client.call()).json(), { sub: 'ada', gen: 2 })
  t.type(accessToken, 'string')
})

t.test('a refresh in the cooldown returns the same copy in the header', async (t) => {
  const client = await inCooldown(t, 'header')
  const { refreshToken } = client.jar
  const again = await client.refresh()
  t.equal(again.statusCode, 200)
  t.equal(again.headers['x-refresh-token'], refreshToken)
  t.equal(again.headers['x-access-token'], again.json().access_token)
  t.equal(again.json().refresh_token, undefined)
})

t.test('a refresh in the cooldown does not set the cookie again', async (t) => {
  const client = await inCooldown(t, 'cookie')
  const again = await client.refresh()
  t.equal(again.statusCode, 200)
  t.equal(again.headers['set-cookie'], undefined, 'a late one would put an older token back')
  t.match(again.json(), { access_token: String, token_type: 'Bearer', expires_in: Number })
  t.match((await client.call()).json(), { gen: 2 })
})

t.test('transport header uses the configured names of both headers', async (t) => {
  const { app } = await buildApp(t, {
    options: { transport: 'header', header: { refreshToken: 'X-RT', accessToken: 'X-AT' } }
  })
  const client = new Client(app, { transport: 'header', tokenName: 'x-rt' })
  const login = await client.login()
  t.match(login.headers['x-rt'], TOKEN)
  t.equal(login.headers['x-at'], login.json().access_token)
  t.equal(login.headers['x-refresh-token'], undefined)
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a repeated refresh header is rejected, even over a real connection', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'header' } })
  const client = new Client(app, { transport: 'header' })
  await client.login()
  const token = client.jar.refreshToken ?? ''
  const origin = await listen(app)
  for (const values of [
    [token, token],
    [token, 'malformed'],
    ['malformed', token]
  ]) {
    const request = httpRequest(`${origin}/auth/refresh`, { method: 'POST', agent: false })
    request.setHeader('x-refresh-token', values)
    request.end()
    const [response] = await once(request, 'response')
    t.equal(response.statusCode, 401)
    response.resume()
    await once(response, 'end')
  }
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a function selects the transport of request and response', async (t) => {
  const transport = ({ headers }: FastifyRequest) => headers['x-client'] as Transport
  const { app } = await buildApp(t, { options: { transport } })
  for (const place of TRANSPORTS) {
    const login = await app.inject({
      method: 'POST',
      url: '/auth/login',
      headers: { 'x-client': place },
      payload: { sub: 'ada' }
    })
    t.equal(login.statusCode, 200)
    t.same(placesOf(login), [place])
    const logout = await app.inject({ method: 'POST', url: '/auth/logout', headers: { 'x-client': place } })
    t.equal(logout.headers['set-cookie'] !== undefined, place === 'cookie', `${place}: deleted by a logout`)
  }
})

const INVALID_RESULTS: Record<string, unknown> = {
  'an unknown name': 'query',
  nothing: undefined,
  null: null,
  'the name of a method of every object': 'toString',
  'another such name': '__proto__',
  'a list': ['query'],
  'a promise': Promise.resolve('cookie'),
  'a symbol': Symbol('cookie')
}

for (const [what, nonsense] of Object.entries(INVALID_RESULTS)) {
  t.test(`a transport function that returns ${what} causes 500 and changes nothing`, async (t) => {
    const transport = (() => nonsense) as unknown as FastifyRefreshTokenOptions['transport']
    const { app } = await buildApp(t, { options: { ...(transport && { transport }) } })
    const live = await app.sessions.create({ sub: 'grace' })
    const headers = { cookie: `${NAME}=${live.refreshToken}` }
    for (const path of ['/login', '/refresh', '/logout']) {
      const response = await app.inject({
        method: 'POST',
        url: `/auth${path}`,
        headers,
        payload: { sub: 'ada' }
      })
      t.equal(response.statusCode, 500, path)
      t.equal(response.headers['set-cookie'], undefined)
      t.notMatch(response.body, TOKEN)
    }
    t.same(await app.sessions.list('ada'), [], 'a login without a response creates no session')
    t.match(await app.sessions.list('grace'), [{ gen: 1 }])
  })
}
