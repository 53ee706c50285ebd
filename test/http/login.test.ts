import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import type { Identity, LogoutEvent, SessionStore, Transport } from '../../lib/index.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

const HOUR = 60 * 60_000
const DAY = 24 * HOUR
const NO_STORE = 'no-store'

t.test('wrong credentials return 401 with a challenge without error', async (t) => {
  for (const noIdentity of [null, undefined, false] as const) {
    await t.test(`login returns ${noIdentity}`, async (t) => {
      const { app } = await buildApp(t, { options: { login: async () => noIdentity } })
      const response = await app.inject({ method: 'POST', url: '/auth/login', payload: { sub: 'ada' } })
      t.equal(response.statusCode, 401)
      t.same(response.json(), {
        statusCode: 401,
        code: 'FRT_ERR_INVALID_CREDENTIALS',
        error: 'Unauthorized',
        message: 'The credentials are invalid'
      })
      t.equal(response.headers['www-authenticate'], 'Bearer realm="api"')
      t.equal(response.headers['set-cookie'], undefined)
      t.equal(response.headers['cache-control'], NO_STORE)
    })
  }
})

t.test('login can be synchronous or asynchronous, and can read the whole request', async (t) => {
  for (const login of [(): Identity => ({ sub: 'ada' }), async (): Promise<Identity> => ({ sub: 'ada' })]) {
    await t.test(async (t) => {
      const { app } = await buildApp(t, { options: { login } })
      const response = await app.inject({ method: 'POST', url: '/auth/login' })
      t.equal(response.statusCode, 200)
      t.match(await app.sessions.verify(response.json().access_token), { sub: 'ada' })
    })
  }
  await t.test('headers and query', async (t) => {
    const { app } = await buildApp(t, {
      options: {
        login: ({ headers, query }) => ({
          sub: String(headers['x-user']),
          claims: { tenant: (query as { tenant: string }).tenant }
        })
      }
    })
    const response = await app.inject({
      method: 'POST',
      url: '/auth/login?tenant=acme',
      headers: { 'x-user': 'ada' }
    })
    t.match(await app.sessions.verify(response.json().access_token), { sub: 'ada', tenant: 'acme' })
  })
})

t.test('an error of login passes through', async (t) => {
  const teapot = Object.assign(new Error('short and stout'), { statusCode: 418, code: 'TEAPOT' })
  for (const login of [
    () => {
      throw teapot
    },
    async () => {
      throw teapot
    }
  ]) {
    await t.test(async (t) => {
      const { app } = await buildApp(t, { options: { login } })
      const response = await app.inject({ method: 'POST', url: '/auth/login' })
      t.equal(response.statusCode, 418)
      t.match(response.json(), { statusCode: 418, code: 'TEAPOT', message: 'short and stout' })
      t.equal(response.headers['www-authenticate'], undefined)
      t.equal(response.headers['cache-control'], NO_STORE)
    })
  }
})

t.test('login can send a response', async (t) => {
  await t.test('a locked account', async (t) => {
    const { app } = await buildApp(t, {
      options: {
        login: (_request, reply) => {
          reply.code(423).send({ error: 'locked' })
          return null
        }
      }
    })
    const response = await app.inject({ method: 'POST', url: '/auth/login' })
    t.equal(response.statusCode, 423)
    t.same(response.json(), { error: 'locked' })
    t.equal(response.headers['www-authenticate'], undefined)
  })

  await t.test('a redirect, awaited', async (t) => {
    const { app } = await buildApp(t, {
      options: {
        login: async (_request, reply) => {
          await reply.redirect('/second-factor')
          return null
        }
      }
    })
    const response = await app.inject({ method: 'POST', url: '/auth/login' })
    t.equal(response.statusCode, 302)
    t.equal(response.headers.location, '/second-factor')
  })

  await t.test('a second factor, with 200 and its own body', async (t) => {
    const { app } = await buildApp(t, {
      options: {
        login: (_request, reply) => {
          reply.send({ second_factor: 'totp', attempts: 3 })
          return null
        }
      }
    })
    const response = await app.inject({ method: 'POST', url: '/auth/login' })
    t.equal(response.statusCode, 200)
    t.same(response.json(), { second_factor: 'totp', attempts: 3 })
  })

  await t.test('in an app with slow onSend hooks', async (t) => {
    const { app, logs } = await buildApp(t, {
      prepare(app) {
        app.addHook('onSend', async () => new Promise<void>((resolve) => setImmediate(resolve)))
      },
      options: {
        login: async (_request, reply) => reply.code(423).send({ error: 'locked' })
      }
    })
    const response = await app.inject({ method: 'POST', url: '/auth/login' })
    t.equal(response.statusCode, 423)
    t.same(response.json(), { error: 'locked' })
    t.equal(response.headers['www-authenticate'], undefined)
    t.notOk(
      logs.some(({ level }) => Number(level) >= 40),
      'no error was logged'
    )
  })
})

/** Ways to send a response in `login`, without returning the reply. */
const SENDERS: Record<string, (reply: FastifyReply) => unknown> = {
  send: (reply) => void reply.code(202).send({ second_factor: 'totp' }),
  'an asynchronous login that sends': async (reply) => void reply.code(202).send({ second_factor: 'totp' }),
  'an identity after send'(reply) {
    reply.code(202).send({ second_factor: 'totp' })
    return { sub: 'ada' }
  },
  redirect: (reply) => void reply.redirect('/second-factor', 202),
  callNotFound: (reply) => void reply.code(202).callNotFound(),
  hijack: (reply) => {
    reply.hijack()
    reply.raw.writeHead(202).end()
  },
  'a stream': (reply) => void reply.code(202).send(Readable.from(['one', 'two'])),
  'the raw response': (reply) => void reply.raw.writeHead(202).end('raw')
}

for (const [name, answer] of Object.entries(SENDERS)) {
  t.test(`a response of login is not replaced, although onSend is asynchronous: ${name}`, async (t) => {
    const { app, logs } = await buildApp(t, {
      prepare(app) {
        app.addHook('onSend', async () => new Promise<void>((resolve) => setImmediate(resolve)))
        app.setNotFoundHandler((_request, reply) => reply.code(202).send({ not: 'found' }))
      },
      options: { login: (_request, reply) => answer(reply) as undefined }
    })
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: { sub: 'ada' } })
    t.equal(response.statusCode, 202)
    t.notMatch(response.body, 'FRT_ERR')
    t.equal(response.headers['www-authenticate'], undefined)
    t.equal(response.headers['set-cookie'], undefined)
    t.strictSame(await app.sessions.list('ada'), [])
    t.strictSame(
      logs.filter(({ level }) => Number(level) >= 40),
      [],
      'no error was logged'
    )
  })
}

t.test('an invalid identity returns 500 and creates nothing', async (t) => {
  const invalid: Record<string, unknown> = {
    'no subject': {},
    'an empty subject': { sub: '' },
    'a fraction for a subject': { sub: 1.5 },
    'an integer for a subject that may be rounded': { sub: 2 ** 53 },
    'a subject that is too long': { sub: 'a'.repeat(257) },
    'a subject that is no Unicode': { sub: 'a\ud800' },
    'a reserved claim': { sub: 'ada', claims: { exp: 1 } },
    'too many claims': { sub: 'ada', claims: { text: 'a'.repeat(5000) } },
    'claims that are a list': { sub: 'ada', claims: ['admin'] },
    'too much metadata': { sub: 'ada', metadata: { text: 'a'.repeat(2000) } },
    'a ttl that is none': { sub: 'ada', ttl: 'soon' },
    'remember that is no boolean': { sub: 'ada', remember: 'yes' },
    'an unknown member': { sub: 'ada', roles: ['admin'] },
    'a string': 'ada',
    'a list': ['ada']
  }
  const current: { identity: unknown } = { identity: null }
  const created: string[] = []
  const under = openMemoryStore()
  const { create } = under.store
  const methods: Partial<SessionStore> = {
    create(session) {
      created.push(session.sid)
      return create.call(under.store, session)
    }
  }
  const { app } = await buildApp(t, {
    under: overriding(under, methods),
    options: { login: () => current.identity as Identity },
    extend(app) {
      app.post('/callback', (_request, reply) => reply.startSession(current.identity as Identity))
    }
  })
  for (const [what, identity] of Object.entries(invalid)) {
    current.identity = identity
    for (const url of ['/auth/login', '/callback']) {
      const response = await app.inject({ method: 'POST', url })
      t.equal(response.statusCode, 500, `${what} at ${url}`)
      t.equal(response.json().code, 'FRT_ERR_INVALID_IDENTITY', what)
      t.equal(response.headers['set-cookie'], undefined)
    }
  }
  t.same(created, [])
})

t.test('the cookie expires with the unused session', async (t) => {
  const { app } = await buildApp(t)
  const response = await new Client(app).login({ sub: 'ada' })
  t.match(response.cookies, [{ maxAge: (14 * DAY) / 1000 }])
})

t.test('remember: false sets a session cookie and limits the idle timeout to one day', async (t) => {
  const { app, advance } = await buildApp(t)
  const client = new Client(app)
  const login = await client.login({ sub: 'ada', remember: false })
  t.equal(login.statusCode, 200)
  const header = String(login.headers['set-cookie'])
  t.notMatch(header, /max-age/i)
  t.notMatch(header, /expires/i)

  await advance(23 * HOUR)
  const refreshed = await client.refresh()
  t.equal(refreshed.statusCode, 200)
  t.notMatch(String(refreshed.headers['set-cookie']), /max-age|expires/i, 'so does each refresh')

  await advance(23 * HOUR)
  t.equal((await client.refresh()).statusCode, 200)
  await advance(24 * HOUR + 1000)
  t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
})

t.test('an identity can shorten its session, but not lengthen it', async (t) => {
  await t.test('shorter', async (t) => {
    const { app, advance } = await buildApp(t, { options: { transport: 'body' } })
    const client = new Client(app, { transport: 'body' })
    const login = await client.login({ sub: 'ada', ttl: '1h' })
    t.equal(login.json().refresh_token_expires_in, 3600)
    await advance(HOUR - 60_000)
    const refreshed = await client.refresh()
    t.equal(refreshed.json().refresh_token_expires_in, 60, 'no rotation extends it')
    t.ok(refreshed.json().expires_in <= 60, 'and no access token outlives it')
    await advance(61_000)
    t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
  })
  await t.test('longer', async (t) => {
    const { app } = await buildApp(t, { options: { session: { ttl: '1h' }, transport: 'body' } })
    const login = await new Client(app, { transport: 'body' }).login({ sub: 'ada', ttl: '2h' })
    t.equal(login.json().refresh_token_expires_in, 3600)
  })
})

for (const transport of ['cookie', 'body', 'header'] as Transport[]) {
  t.test(`a login revokes the session of a presented token, with transport ${transport}`, async (t) => {
    const revocations: LogoutEvent[] = []
    const { app } = await buildApp(t, {
      options: {
        transport,
        onLogout: (event) => {
          revocations.push(event)
        }
      }
    })
    const client = new Client(app, { transport })
    await client.login({ sub: 'ada' })
    const before = client.copy()
    const elsewhere = new Client(app, { transport })
    await elsewhere.login({ sub: 'ada' })

    t.equal((await client.login({ sub: 'grace' })).statusCode, 200)
    t.match(revocations, [{ sub: 'ada', gen: 1, reason: 'replaced' }])
    t.equal((await before.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.match((await client.call()).json(), { sub: 'grace' })
    t.equal((await elsewhere.call()).statusCode, 200, 'other sessions of the user go on')
  })
}

t.test('a login with wrong credentials revokes nothing', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  t.equal((await client.login({})).statusCode, 401)
  t.equal((await client.call()).statusCode, 200)
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a login ignores a malformed cookie', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app)
  client.jar.refreshToken = 'malformed'
  t.equal((await client.login()).statusCode, 200)
  t.equal((await client.refresh()).statusCode, 200)
})

t.test('a login succeeds if the replaced session cannot be revoked yet', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app, logs } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  const before = client.copy()

  broken.revoke = DOWN.revoke
  t.equal((await client.login({ sub: 'ada' })).statusCode, 200)
  t.equal((await client.call()).statusCode, 200)
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await before.call()).statusCode, 401, 'this process already rejects it')
  t.equal(logs.filter(({ level }) => level === 40).length, 1, 'the log tells of it')
})

t.test('a login returns 503 and keeps the old session if the store is unavailable', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(openMemoryStore(), broken) })
  const client = new Client(app)
  await client.login({ sub: 'ada' })
  broken.create = DOWN.create
  const response = await client.login({ sub: 'ada' })
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.match(response.headers['retry-after'], /^\d+$/)
  t.equal(response.headers['set-cookie'], undefined)
  t.equal(response.headers['cache-control'], NO_STORE)
  t.equal((await client.call()).statusCode, 200)
})

t.test('a route of the app creates a session like the login route', async (t) => {
  const broken: Partial<SessionStore> = {}
  const { app } = await buildApp(t, {
    under: overriding(openMemoryStore(), broken),
    extend(app) {
      app.get('/callback', async (_request, reply) => {
        const tokens = await reply.startSession({ sub: 'ada' })
        return { ...tokens, welcome: true }
      })
    }
  })
  const client = new Client(app)
  await client.login({ sub: 'grace' })
  const before = client.copy()
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`

  const response = await app.inject({ url: '/callback', headers: { cookie } })
  t.equal(response.statusCode, 200)
  t.match(response.json(), { token_type: 'Bearer', expires_in: 300, welcome: true })
  client.jar.store(response, client.options)
  t.match((await client.call()).json(), { sub: 'ada' })
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await before.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED', 'it replaces too')

  broken.create = DOWN.create
  const failed = await app.inject({ url: '/callback' })
  t.equal(failed.statusCode, 503)
  t.equal(failed.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.match(failed.headers['retry-after'], /^\d+$/)
})
