import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { LogoutEvent, SessionStore, Transport } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000
const TRANSPORTS: Transport[] = ['cookie', 'body', 'header']

async function loggedIn(app: FastifyInstance, sub = 'ada', transport: Transport = 'cookie'): Promise<Client> {
  const client = new Client(app, { transport })
  await client.login({ sub })
  return client
}

function isLoggedOut(t: Test, response: LightMyRequestResponse): void {
  t.equal(response.statusCode, 200)
  t.same(response.json(), {})
  t.equal(response.headers['cache-control'], 'no-store')
}

/** Asserts that the response deletes the cookie. It must have the same name and attributes. */
function clearsCookie(t: Test, response: LightMyRequestResponse): void {
  t.match(response.cookies, [
    {
      name: '__Host-refresh_token',
      value: '',
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
      maxAge: 0
    }
  ])
  t.equal(response.cookies.length, 1)
  t.ok(response.cookies[0]?.expires && response.cookies[0].expires.getTime() < Date.now())
}

function isUnavailable(t: Test, response: LightMyRequestResponse): void {
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.match(response.headers['retry-after'], /^\d+$/)
  t.equal(response.headers['set-cookie'], undefined)
  t.equal(response.headers['cache-control'], 'no-store')
}

for (const transport of TRANSPORTS) {
  t.test(`a logout revokes the session of the refresh token, with transport ${transport}`, async (t) => {
    const revocations: LogoutEvent[] = []
    const { app } = await buildApp(t, {
      options: {
        transport,
        onLogout: (event) => {
          revocations.push(event)
        }
      }
    })
    const client = await loggedIn(app, 'ada', transport)
    const other = await loggedIn(app, 'ada', transport)
    const before = client.copy()

    const response = await client.logout()
    isLoggedOut(t, response)
    if (transport === 'cookie') clearsCookie(t, response)
    else t.equal(response.headers['set-cookie'], undefined)
    t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await before.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await other.call()).statusCode, 200, 'another session of the user goes on')
    t.match(revocations, [{ sub: 'ada', reason: 'logout' }])

    isLoggedOut(t, await before.logout())
    t.equal(revocations.length, 1, 'a second logout revokes nothing')
  })
}

t.test('a logout accepts a retired refresh token', async (t) => {
  const { app, settled, advance } = await buildApp(t)
  const client = await loggedIn(app)
  const retired = client.copy()
  for (let i = 0; i < 3; i++) {
    await client.refresh()
    await client.call()
    await settled()
    await advance(10 * MINUTE)
  }
  retired.jar.accessToken = undefined
  isLoggedOut(t, await retired.logout())
  t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a logout accepts only an access token, even an expired one', async (t) => {
  const { app, advance } = await buildApp(t)
  for (const age of [0, 10 * MINUTE]) {
    const client = await loggedIn(app)
    await advance(age)
    const response = await app.inject({
      method: 'POST',
      url: '/auth/logout',
      headers: client.accessHeaders()
    })
    isLoggedOut(t, response)
    clearsCookie(t, response)
    t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  }
})

t.test('a logout revokes both sessions if the tokens belong to two', async (t) => {
  const { app } = await buildApp(t)
  const cookie = await loggedIn(app, 'ada')
  const bearer = await loggedIn(app, 'grace')
  const response = await app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: {
      ...bearer.accessHeaders(),
      cookie: `__Host-refresh_token=${cookie.jar.refreshToken}`
    }
  })
  isLoggedOut(t, response)
  t.equal((await cookie.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await bearer.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a logout without a session returns 200', async (t) => {
  const { app } = await buildApp(t)
  const live = await loggedIn(app)
  for (const headers of [
    {},
    { cookie: '__Host-refresh_token=malformed' },
    { cookie: '__Host-refresh_token=' },
    { cookie: 'other=1' },
    { authorization: 'Bearer malformed' },
    { authorization: 'Basic YWRhOmxvdmVsYWNl' },
    { 'content-type': 'application/json' }
  ]) {
    const response = await app.inject({ method: 'POST', url: '/auth/logout', headers })
    isLoggedOut(t, response)
    clearsCookie(t, response)
  }
  t.equal((await live.refresh()).statusCode, 200)
})

t.test('a malformed token does not prevent the revocation by a valid one', async (t) => {
  const { app } = await buildApp(t)
  const byCookie = await loggedIn(app)
  await app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: {
      authorization: 'Bearer malformed',
      cookie: `__Host-refresh_token=${byCookie.jar.refreshToken}`
    }
  })
  t.equal((await byCookie.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')

  const byBearer = await loggedIn(app)
  await app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: { ...byBearer.accessHeaders(), cookie: '__Host-refresh_token=malformed' }
  })
  t.equal((await byBearer.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a logout returns 503 and keeps the cookie if the store is unavailable', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = await loggedIn(app)
  const { accessToken } = client.jar
  Object.assign(broken, DOWN)

  for (const headers of [
    { cookie: `__Host-refresh_token=${client.jar.refreshToken}` },
    client.accessHeaders()
  ]) {
    const response = await app.inject({ method: 'POST', url: '/auth/logout', headers })
    isUnavailable(t, response)
  }

  for (const name of Object.keys(broken)) Reflect.deleteProperty(broken, name)
  isLoggedOut(t, await client.logout())
  t.notOk((await app.sessions.list('ada')).length, 'the session is revoked when the store is available again')
  await t.rejects(app.sessions.verify(accessToken ?? ''), { code: 'FRT_ERR_SESSION_REVOKED' })
})

t.test('logout-all returns 503 if the store is unavailable', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = await loggedIn(app)
  broken.revokeAll = DOWN.revokeAll
  const everywhere = () =>
    app.inject({ method: 'POST', url: '/auth/logout-all', headers: client.accessHeaders() })
  isUnavailable(t, await everywhere())
  Reflect.deleteProperty(broken, 'revokeAll')
  t.same((await everywhere()).json(), { revoked: 1 })
})

t.test('a failed revocation of one session does not prevent that of the other', async (t) => {
  const under = openMemoryStore()
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(under, broken) })
  const cookie = await loggedIn(app, 'ada')
  const bearer = await loggedIn(app, 'grace')
  const [stuck] = await app.sessions.list('ada')
  const { revoke } = under.store
  broken.revoke = async (sids, ...args) => {
    if (stuck && sids.includes(stuck.sid)) return DOWN.revoke(sids, ...args)
    for (let i = 0; i < 20; i++) await setImmediate()
    return revoke.call(under.store, sids, ...args)
  }

  const response = await app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: { ...bearer.accessHeaders(), cookie: `__Host-refresh_token=${cookie.jar.refreshToken}` }
  })
  t.equal(response.statusCode, 503)
  t.equal(response.headers['set-cookie'], undefined)
  t.same(await app.sessions.list('grace'), [])
})

t.test('logout-all revokes only the sessions of the user', async (t) => {
  const revocations: LogoutEvent[] = []
  const { app } = await buildApp(t, {
    options: {
      onLogout: (event) => {
        revocations.push(event)
      }
    }
  })
  const phone = await loggedIn(app)
  const desk = await loggedIn(app)
  const other = await loggedIn(app, 'grace')

  const response = await app.inject({
    method: 'POST',
    url: '/auth/logout-all',
    headers: phone.accessHeaders()
  })
  t.equal(response.statusCode, 200)
  t.same(response.json(), { revoked: 2 })
  t.equal(response.headers['cache-control'], 'no-store')
  clearsCookie(t, response)
  for (const client of [phone, desk]) {
    t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  }
  t.equal((await other.call()).statusCode, 200)
  t.equal((await other.refresh()).statusCode, 200)
  t.same(
    revocations.map(({ sub, reason }) => [sub, reason]),
    [
      ['ada', 'logout'],
      ['ada', 'logout']
    ]
  )
})

t.test('logout-all accepts an empty JSON body and deletes no cookie with another transport', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'body' } })
  const client = await loggedIn(app, 'ada', 'body')
  const response = await app.inject({
    method: 'POST',
    url: '/auth/logout-all',
    headers: { ...client.accessHeaders(), 'content-type': 'application/json' }
  })
  t.same(response.json(), { revoked: 1 })
  t.equal(response.headers['set-cookie'], undefined)
})

t.test('logout-all requires a valid access token', async (t) => {
  const { app, advance } = await buildApp(t)
  const client = await loggedIn(app)
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
  await advance(6 * MINUTE)
  const cases: [code: string, headers: Record<string, string>][] = [
    ['FRT_ERR_NO_ACCESS_TOKEN', {}],
    ['FRT_ERR_NO_ACCESS_TOKEN', { cookie }],
    ['FRT_ERR_ACCESS_TOKEN_INVALID', { authorization: 'Bearer x' }],
    ['FRT_ERR_ACCESS_TOKEN_EXPIRED', client.accessHeaders()]
  ]
  for (const [code, headers] of cases) {
    const response = await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
    t.equal(response.statusCode, 401)
    t.equal(response.json().code, code)
    t.match(response.headers['www-authenticate'], /^Bearer realm="api"/)
    t.equal(response.headers['set-cookie'], undefined)
    t.equal(response.headers['cache-control'], 'no-store')
  }
  t.equal((await app.sessions.list('ada')).length, 1)
})
