import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const CROSS_SITE = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
const SAME_SITE = { 'sec-fetch-site': 'same-origin' }

/** Adds routes of the app with the same functions as the plugin's routes. */
function addRoutes(app: FastifyInstance): void {
  app.post('/own/refresh', (_request, reply) => reply.refreshSession())
  app.post('/own/logout', async (_request, reply) => {
    await reply.endSession()
    return { out: true }
  })
  app.route({
    method: ['GET', 'POST'],
    url: '/own/change',
    onRequest: app.checkOrigin,
    handler: async () => 'changed'
  })
}

async function open(t: Test) {
  const under = openMemoryStore()
  const store = {}
  const { app, advance } = await buildApp(t, { under: overriding(under, store), extend: addRoutes })
  const plugin = new Client(app)
  await plugin.login()
  const own = new Client(app, { prefix: '/own' }, plugin.jar)
  return { app, advance, store, plugin, own }
}

/** Opens an app with the access token in a cookie. */
async function openWithCookies(t: Test) {
  const { app } = await buildApp(t, {
    options: { accessToken: { read: ({ headers }) => /\baccess=([^;]+)/.exec(headers.cookie ?? '')?.[1] } }
  })
  const { accessToken, session } = await app.sessions.create({ sub: 'ada' })
  return { app, accessToken, sid: session.sid, cookie: `access=${accessToken}` }
}

t.test('reply.refreshSession returns the same body as the refresh route', async (t) => {
  const { advance, plugin, own } = await open(t)
  const answer = await own.refresh()
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { token_type: 'Bearer', expires_in: 300 })
  t.match(answer.cookies, [{ name: '__Host-refresh_token', httpOnly: true }])
  t.match(answer.headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
  t.equal((await own.call()).statusCode, 200)

  await advance(1000)
  const again = await own.refresh()
  t.equal(again.statusCode, 200)
  t.same(again.cookies, [], 'a token that rests stays where it is')
  t.equal((await plugin.refresh()).statusCode, 200)
})

t.test('reply.refreshSession rejects the same tokens as the refresh route, with its challenge', async (t) => {
  const { app, advance, store, own } = await open(t)
  const withoutToken = await app.inject({ method: 'POST', url: '/own/refresh' })
  t.equal(withoutToken.json().code, 'FRT_ERR_NO_REFRESH_TOKEN')
  t.equal(withoutToken.headers['www-authenticate'], 'Bearer realm="api"')

  const attacker = own.copy()
  await own.refresh()
  await own.call()
  await advance(91_000)
  const stolen = await attacker.refresh()
  t.equal(stolen.json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.match(stolen.headers['www-authenticate'], 'error="invalid_token"')

  Object.assign(store, DOWN)
  const down = await own.refresh()
  t.equal(down.statusCode, 503)
  t.equal(down.headers['retry-after'], '1')
})

t.test('reply.endSession revokes the sessions of the request and deletes the cookie', async (t) => {
  const { plugin, own } = await open(t)
  const before = own.copy()
  const answer = await own.logout()
  t.same(answer.json(), { out: true })
  t.match(answer.cookies, [{ name: '__Host-refresh_token', value: '', maxAge: 0 }])
  t.equal((await before.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await plugin.logout()).statusCode, 200, 'there is nothing to end')
})

t.test('reply.endSession returns 503 and keeps the cookie if the store is unavailable', async (t) => {
  const { store, own } = await open(t)
  Object.assign(store, DOWN)
  const answer = await own.logout()
  t.equal(answer.statusCode, 503)
  t.same(answer.cookies, [])
})

t.test('app.checkOrigin rejects unsafe requests of other origins', async (t) => {
  const { app } = await open(t)
  const send = (method: 'GET' | 'POST', headers: Record<string, string>) =>
    app.inject({ method, url: '/own/change', headers })
  t.equal((await send('POST', CROSS_SITE)).json().code, 'FRT_ERR_CROSS_ORIGIN')
  t.equal((await send('POST', SAME_SITE)).statusCode, 200)
  t.equal((await send('POST', {})).statusCode, 200, 'no browser')
  t.equal((await send('GET', CROSS_SITE)).statusCode, 200, 'a link')
})

t.test('accessToken.read reads the token from a cookie, and the header is also accepted', async (t) => {
  const { app, accessToken, cookie } = await openWithCookies(t)
  const call = (headers: Record<string, string>) => app.inject({ url: '/me', headers })
  t.equal((await call({ cookie })).json().sub, 'ada')
  t.equal((await call({ authorization: `Bearer ${accessToken}` })).json().sub, 'ada')
  t.equal((await call({})).json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
  t.equal((await call({ cookie: 'access=none' })).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')
})

t.test('with accessToken.read a logout revokes the session of the token', async (t) => {
  const { app, cookie, sid } = await openWithCookies(t)
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout', headers: { cookie } })).statusCode, 200)
  t.equal(await app.sessions.get(sid), null)
})

t.test('with accessToken.read pages of other origins cannot revoke a session', async (t) => {
  const { app, cookie, sid } = await openWithCookies(t)
  const send = (method: 'POST' | 'DELETE', url: string, headers: object) =>
    app.inject({ method, url, headers: { cookie, ...headers } })
  for (const [method, url] of [
    ['POST', '/auth/logout-all'],
    ['DELETE', `/auth/sessions/${sid}`]
  ] as const) {
    t.equal((await send(method, url, CROSS_SITE)).json().code, 'FRT_ERR_CROSS_ORIGIN')
    t.ok(await app.sessions.get(sid))
  }
  t.equal((await send('DELETE', `/auth/sessions/${sid}`, SAME_SITE)).statusCode, 200)
})

t.test('without accessToken.read a page of another origin can use a token that it has', async (t) => {
  const { app, plugin } = await open(t)
  const headers = { ...CROSS_SITE, ...plugin.accessHeaders() }
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout-all', headers })).statusCode, 200)
})
