import { generateKeyPairSync } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { LogoutEvent, SessionStore } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

const HOUR = 60 * 60_000
const UNKNOWN_SID = 'A'.repeat(32)

interface Listed {
  id: string
  created_at: string
  last_used_at: string
  expires_at: string
  current: boolean
  bound: boolean
  metadata: Record<string, unknown>
}

async function loggedIn(app: FastifyInstance, identity: object = { sub: 'ada' }): Promise<Client> {
  const client = new Client(app)
  await client.login(identity)
  return client
}

async function list(client: Client): Promise<Listed[]> {
  const response = await client.call('/auth/sessions')
  return response.json().sessions
}

function remove(client: Client, id: string) {
  return client.app.inject({
    method: 'DELETE',
    url: `/auth/sessions/${id}`,
    headers: client.accessHeaders()
  })
}

await eachStore(t, async (t, open) => {
  t.test('the list returns the sessions of the user, oldest first, and marks the current one', async (t) => {
    const { app, advance } = await buildApp(t, { under: open(t) })
    const phone = new Client(app)
    const login = await app.inject({
      method: 'POST',
      url: '/auth/login',
      headers: { 'user-agent': 'Phone/1.0' },
      payload: { sub: 'ada', metadata: { device: 'phone' } }
    })
    phone.jar.store(login, phone.options)
    await loggedIn(app, { sub: 'grace' })
    await advance(1000)
    const desk = await loggedIn(app)

    const response = await phone.call('/auth/sessions')
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers['set-cookie'], undefined)
    const { sessions } = response.json() as { sessions: Listed[] }
    t.same(Object.keys(response.json()), ['sessions'])
    t.equal(sessions.length, 2, 'only of this user')
    for (const session of sessions) {
      t.same(Object.keys(session).sort(), [
        'bound',
        'created_at',
        'current',
        'expires_at',
        'id',
        'last_used_at',
        'metadata',
        'name'
      ])
      t.match(session.id, /^[\w-]{32}$/)
    }
    t.match(sessions, [
      {
        created_at: '2030-01-01T12:34:56.789Z',
        last_used_at: '2030-01-01T12:34:56.789Z',
        current: true,
        metadata: { device: 'phone', user_agent: 'Phone/1.0', ip: '127.0.0.1' }
      },
      { created_at: '2030-01-01T12:34:57.789Z', current: false, metadata: { ip: '127.0.0.1' } }
    ])
    t.same(
      (await list(desk)).map(({ current }) => current),
      [false, true]
    )
  })

  t.test('the list names the sessions that are bound to a key', async (t) => {
    const { app } = await buildApp(t, { under: open(t) })
    const bound = new Client(app, { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }) })
    await bound.login()
    await loggedIn(app)
    t.strictSame(
      (await list(bound)).map(({ bound, current }) => [bound, current]),
      [
        [true, true],
        [false, false]
      ]
    )
  })

  t.test('times of use are rounded to the hour, and never before the creation', async (t) => {
    const { app, advance } = await buildApp(t, { under: open(t) })
    const client = await loggedIn(app)
    await advance(2 * HOUR)
    await client.refresh()
    const [session] = await list(client)
    t.equal(session?.created_at, '2030-01-01T12:34:56.789Z')
    t.equal(session?.last_used_at, '2030-01-01T14:00:00.000Z')
    const [stored] = await app.sessions.list('ada')
    const expires = new Date(session?.expires_at ?? '')
    t.equal(expires.getTime() % HOUR, 0, 'the idle end would tell the time of use')
    t.ok(Math.abs(expires.getTime() - Number(stored?.expiresAt)) <= HOUR)
  })

  t.test('DELETE revokes a session of the user', async (t) => {
    const revocations: LogoutEvent[] = []
    const { app } = await buildApp(t, {
      under: open(t),
      options: {
        onLogout: (event) => {
          revocations.push(event)
        }
      }
    })
    const phone = await loggedIn(app)
    const desk = await loggedIn(app)
    const [lost] = (await list(desk)).filter(({ current }) => !current)

    const response = await remove(desk, lost?.id ?? '')
    t.equal(response.statusCode, 200)
    t.same(response.json(), {})
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers['set-cookie'], undefined)
    t.equal((await phone.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await phone.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await list(desk)).length, 1)
    t.match(revocations, [{ sub: 'ada', sid: lost?.id, reason: 'revoked' }])

    const again = await remove(desk, lost?.id ?? '')
    t.equal(again.statusCode, 404)
    t.equal(again.json().code, 'FRT_ERR_SESSION_NOT_FOUND')
  })

  t.test('DELETE returns 404 for a session of another user', async (t) => {
    const { app } = await buildApp(t, { under: open(t) })
    const ada = await loggedIn(app)
    const grace = await loggedIn(app, { sub: 'grace' })
    const [session] = await list(ada)

    const responses = [await remove(grace, session?.id ?? ''), await remove(grace, UNKNOWN_SID)]
    for (const response of responses) {
      t.equal(response.statusCode, 404)
      t.same(response.json(), {
        statusCode: 404,
        code: 'FRT_ERR_SESSION_NOT_FOUND',
        error: 'Not Found',
        message: 'The session does not exist'
      })
    }
    t.equal((await ada.call()).statusCode, 200)
  })
})

t.test('DELETE can revoke the current session', async (t) => {
  const { app } = await buildApp(t)
  const client = await loggedIn(app)
  const [session] = await list(client)
  t.equal((await remove(client, session?.id ?? '')).statusCode, 200)
  t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('DELETE returns 404 for a malformed id without a store call', async (t) => {
  const calls: string[] = []
  const under = openMemoryStore()
  const { get } = under.store
  const methods: Partial<SessionStore> = {
    get(sid) {
      calls.push(sid)
      return get.call(under.store, sid)
    }
  }
  const { app } = await buildApp(t, { under: overriding(under, methods) })
  const client = await loggedIn(app)
  const ids = [
    'x',
    '..',
    '__proto__',
    '*',
    '%00',
    '%2F',
    `${UNKNOWN_SID}A`,
    UNKNOWN_SID.slice(1),
    '%F0%9F%98%80'
  ]
  for (const id of ids) {
    const response = await remove(client, id)
    t.equal(response.statusCode, 404, id)
  }
  t.same(calls, [])
})

t.test('the list and DELETE require a valid access token', async (t) => {
  const { app } = await buildApp(t)
  const client = await loggedIn(app)
  const [session] = await list(client)
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
  for (const method of ['GET', 'DELETE'] as const) {
    const url = method === 'GET' ? '/auth/sessions' : `/auth/sessions/${session?.id}`
    for (const headers of [{}, { cookie }]) {
      const response = await app.inject({ method, url, headers })
      t.equal(response.statusCode, 401)
      t.equal(response.json().code, 'FRT_ERR_NO_ACCESS_TOKEN')
      t.equal(response.headers['www-authenticate'], 'Bearer realm="api"')
      t.equal(response.headers['cache-control'], 'no-store')
    }
  }
  t.equal((await client.call()).statusCode, 200)
})

t.test('returns 503 if the store is unavailable', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = await loggedIn(app)
  Object.assign(broken, { list: DOWN.list, get: DOWN.get })
  for (const response of [await client.call('/auth/sessions'), await remove(client, UNKNOWN_SID)]) {
    t.equal(response.statusCode, 503)
    t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
    t.match(response.headers['retry-after'], /^\d+$/)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('a hook that replaces request.user does not give access to sessions of another user', async (t) => {
  const { app } = await buildApp(t, {
    prepare(app) {
      app.addHook('preHandler', async (request) => {
        request.user = { sub: 'victim', sid: 'x', gen: 1, iat: 0, exp: 0, auth_time: 0, jti: 'x' }
      })
    }
  })
  const victim = await loggedIn(app, { sub: 'victim' })
  const client = await loggedIn(app)
  const [own] = await list(client)
  t.equal((await list(client)).length, 1)
  t.equal(own?.current, true)
  const headers = client.accessHeaders()
  await app.inject({ method: 'POST', url: '/auth/logout-all', headers })
  t.equal((await app.sessions.list('victim')).length, 1)
  t.same(await app.sessions.list('ada'), [])
  t.equal((await victim.refresh()).statusCode, 200)
})
