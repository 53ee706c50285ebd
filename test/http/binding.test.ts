import t, { type Test } from 'tap'
import type { BindingMode, FastifyRefreshTokenOptions, Identity, SessionStore } from '../../lib/index.js'
import { createProof, type ProofKeyPair } from '../../lib/testing/index.js'
import { jktOf } from '../../lib/tokens/proof/create-proof.js'
import { type AppUnderTest, buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client, type ClientOptions } from '../support/client.js'
import { recordMessages } from '../support/diagnostics.js'
import { createKey, INVALID_PROOFS, proofWith } from '../support/proofs.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../support/stores.js'

// Sessions that are bound to a key of the client. An attacker without the key gets nothing, and changes nothing.

const MINUTE = 60_000
const MODES = ['off', 'optional', 'required'] as const

const own = createKey()
const other = createKey()

interface Bound extends AppUnderTest {
  client: Client
}

/** Builds an app, and a client that has logged in with a proof of its key. */
async function logIn(
  t: Test,
  under: StoreUnderTest,
  options: Partial<FastifyRefreshTokenOptions> = {},
  clientOptions: ClientOptions = {}
): Promise<Bound> {
  const built = await buildApp(t, { under, options })
  const client = new Client(built.app, { key: own, ...clientOptions })
  t.equal((await client.login()).statusCode, 200)
  return { ...built, client }
}

/** Returns a client with a copy of the tokens, and another key or none. */
function thief({ app, client }: Pick<Bound, 'app' | 'client'>, key: ProofKeyPair | null): Client {
  return new Client(app, { ...client.options, key }, client.jar.copy())
}

/** Returns the same client at another app. */
function at({ app }: Pick<AppUnderTest, 'app'>, client: Client): Client {
  return new Client(app, client.options, client.jar)
}

/** Lets the refresh token of the client become one that counts as reuse, and uses its successor. */
async function retire({ client, settled, advance }: Bound): Promise<Client> {
  const older = new Client(client.app, client.options, client.jar.copy())
  t.equal((await client.refresh()).statusCode, 200)
  await client.call()
  await settled()
  await advance(30 * MINUTE)
  return older
}

const WITHOUT_KEY = [
  ['without a proof', null, 'FRT_ERR_PROOF_REQUIRED', 'required'],
  ['with a proof of another key', other, 'FRT_ERR_PROOF_KEY_MISMATCH', 'mismatch']
] as const

await eachStore(t, async (t, open) => {
  t.test('a login with a proof binds the session, and each refresh needs a proof of the key', async (t) => {
    const bound = await logIn(t, open(t))
    const { app, client } = bound
    t.match(await app.sessions.list('ada'), [{ jkt: jktOf(own) }])
    t.match(client.jar.refreshToken, /^[\w-]{135}$/)
    for (let i = 0; i < 3; i++) {
      t.equal((await client.refresh()).statusCode, 200)
      t.equal((await client.call()).statusCode, 200)
      await bound.settled()
      await bound.advance(2 * MINUTE)
    }
    t.match(await app.sessions.list('ada'), [{ gen: 4, jkt: jktOf(own) }])
  })

  for (const [name, key, code, reason] of WITHOUT_KEY) {
    t.test(
      `a copied token ${name} is rejected, also when it is retired, and the user continues`,
      async (t) => {
        const hooks: string[] = []
        const bound = await logIn(t, open(t), {
          onReuse: () => void hooks.push('reuse'),
          onLogout: () => void hooks.push('logout')
        })
        const { app, client, logs } = bound
        const attacker = thief(bound, key)
        for (let i = 0; i < 2; i++) {
          const response = await attacker.refresh()
          t.match(response.json(), { statusCode: 401, code })
          t.notOk(response.headers['set-cookie'])
          t.match(
            response.headers['www-authenticate'],
            /^DPoP realm="api", error="invalid_token", error_description="[^"]+", algs="ES256"$/
          )
          await retire(bound)
        }
        t.equal((await client.refresh()).statusCode, 200)
        t.match(await app.sessions.list('ada'), [{ gen: 4 }])
        t.strictSame(hooks, [])
        const lines = logs.filter(({ event }) => event === 'proof_refused')
        t.match(lines, [{ level: 30, reason, sid: String }, { reason }])
      }
    )

    t.test(`a logout ${name} revokes nothing, and clears the cookie`, async (t) => {
      const bound = await logIn(t, open(t))
      const attacker = thief(bound, key)
      attacker.jar.accessToken = undefined
      const response = await attacker.logout()
      t.match(response.json(), { statusCode: 401, code })
      t.match(response.cookies, [{ name: '__Host-refresh_token', value: '', maxAge: 0 }])
      t.equal((await bound.client.refresh()).statusCode, 200)
    })

    t.test(`a login of an attacker ${name} with a copied token leaves the session of the user`, async (t) => {
      const bound = await logIn(t, open(t))
      t.equal((await thief(bound, key).login({ sub: 'mallory' })).statusCode, 200)
      t.equal((await bound.client.refresh()).statusCode, 200)
    })
  }

  t.test('a logout and a login with the key revoke the session', async (t) => {
    const bound = await logIn(t, open(t))
    const { app, client } = bound
    const before = (await app.sessions.list('ada'))[0]?.sid
    t.equal((await client.login()).statusCode, 200)
    t.notMatch(await app.sessions.list('ada'), [{ sid: before }])
    t.equal((await app.sessions.list('ada')).length, 1)
    t.equal((await client.logout()).statusCode, 200)
    t.strictSame(await app.sessions.list('ada'), [])
  })

  t.test('a retired token with the key still counts as reuse', async (t) => {
    const bound = await logIn(t, open(t))
    const older = await retire(bound)
    await retire(bound)
    t.equal((await older.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.strictSame(await bound.app.sessions.list('ada'), [])
  })

  t.test(
    'parallel refreshes, and a repetition after a lost response, each have a proof of their own',
    async (t) => {
      const { client, app } = await logIn(t, open(t))
      await client.loseResponse()
      const responses = await Promise.all(Array.from({ length: 5 }, () => client.loseResponse()))
      for (const response of responses) t.equal(response.statusCode, 200)
      t.match(await app.sessions.list('ada'), [{ gen: 2 }])
    }
  )

  t.test('a captured request is rejected by each process, and the user continues', async (t) => {
    const under = open(t)
    const bound = await logIn(t, under)
    const { app: second } = await buildApp(t, { under })
    const { client } = bound
    const headers = {
      cookie: `__Host-refresh_token=${client.jar.refreshToken}`,
      dpop: createProof(own, { method: 'POST', url: 'http://localhost/auth/refresh' })
    }
    const send = (app: typeof second) => app.inject({ method: 'POST', url: '/auth/refresh', headers })
    const [first, ...later] = [await send(bound.app), await send(bound.app), await send(second)]
    t.equal(first?.statusCode, 200)
    for (const response of later) {
      t.equal(response.json().code, 'FRT_ERR_PROOF_INVALID')
      t.match(response.headers['www-authenticate'], /^DPoP realm="api", error="invalid_dpop_proof"/)
      t.notOk(response.headers['set-cookie'])
    }
    // Not even when the token counts as reuse.
    client.jar.store(first as never, client.options)
    await client.call()
    await bound.settled()
    await bound.advance(6 * MINUTE)
    t.not((await send(second)).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.equal((await client.refresh()).statusCode, 200)
  })

  t.test('bound and unbound sessions of one user are independent', async (t) => {
    const bound = await logIn(t, open(t))
    const plain = new Client(bound.app)
    await plain.login()
    for (const client of [bound.client, plain]) t.equal((await client.refresh()).statusCode, 200)
    t.same(
      (await bound.app.sessions.list('ada')).map(({ jkt }) => jkt),
      [jktOf(own), null]
    )
  })

  for (const mode of MODES) {
    t.test(`a bound session needs its key in the mode ${mode}`, async (t) => {
      const under = open(t)
      const { client } = await logIn(t, under)
      const later = await buildApp(t, { under, options: { binding: { mode } } })
      t.equal((await thief({ app: later.app, client }, null).refresh()).json().code, 'FRT_ERR_PROOF_REQUIRED')
      t.equal((await at(later, client).refresh()).statusCode, 200)
    })
  }

  t.test('a session that is not bound is refreshed in every mode except required', async (t) => {
    const under = open(t)
    const { client } = await logIn(t, under, {}, { key: null })
    for (const mode of ['off', 'optional'] as const) {
      const later = await buildApp(t, { under, options: { binding: { mode } } })
      t.equal((await at(later, client).refresh()).statusCode, 200)
      // The header is not read.
      const headers = { cookie: `__Host-refresh_token=${client.jar.refreshToken}`, dpop: 'invalid' }
      const response = await later.app.inject({ method: 'POST', url: '/auth/refresh', headers })
      t.equal(response.statusCode, 200)
    }
    const strict = await buildApp(t, { under, options: { binding: { mode: 'required' } } })
    for (const key of [null, own]) {
      const response = await thief({ app: strict.app, client }, key).refresh()
      t.equal(response.json().code, 'FRT_ERR_PROOF_REQUIRED')
    }
    t.equal((await strict.app.sessions.list('ada')).length, 1, 'the session is not revoked')
    t.equal((await at(strict, client).logout()).statusCode, 200, 'and can be revoked without a proof')
  })

  t.test('app.sessions cannot use a bound token, because it has no request', async (t) => {
    const { app, client } = await logIn(t, open(t))
    await t.rejects(app.sessions.refresh(client.jar.refreshToken ?? ''), { code: 'FRT_ERR_PROOF_REQUIRED' })
    t.equal((await client.refresh()).statusCode, 200)
  })
})

/** Builds an app whose `login` counts its calls. */
async function countLogins(t: Test, binding: FastifyRefreshTokenOptions['binding']) {
  let count = 0
  const login = async () => {
    count++
    return { sub: 'ada' }
  }
  const built = await buildApp(t, { options: { binding, login } })
  return { ...built, count: () => count }
}

function post(app: AppUnderTest['app'], path: string, headers: Record<string, string> = {}) {
  return app.inject({ method: 'POST', url: `/auth${path}`, headers, payload: {} })
}

const loginProof = (key = own, nonce?: string) =>
  createProof(key, { method: 'POST', url: 'http://localhost/auth/login', nonce })

t.test('no request without a valid proof of the key reaches the store', async (t) => {
  const under = openMemoryStore()
  const methods: Partial<SessionStore> = {}
  const { app } = await buildApp(t, { under: overriding(under, methods) })
  const client = new Client(app, { key: own })
  await client.login()
  const secondSession = await app.sessions.create({ sub: 'bob', jkt: jktOf(own) })
  client.jar.accessToken = undefined
  Object.assign(methods, DOWN)
  const cookie = `__Host-refresh_token=${client.jar.refreshToken}`
  for (const [name, create] of Object.entries(INVALID_PROOFS)) {
    for (const path of ['/refresh', '/logout']) {
      const response = await post(app, path, { cookie, dpop: create() })
      if (path === '/refresh') t.equal(response.json().code, 'FRT_ERR_PROOF_INVALID', name)
      t.equal(response.statusCode, 401, `${path} ${name}`)
    }
  }
  for (const key of [null, other]) {
    for (const path of ['/refresh', '/logout']) {
      t.equal((await thief({ app, client }, key).post(path)).statusCode, 401)
    }
  }
  const several = [client.jar.refreshToken, secondSession.refreshToken]
  const copies = several.map((token) => `__Host-refresh_token=${token}`).join('; ')
  t.equal(
    (await post(app, '/refresh', { cookie: copies })).json().code,
    'FRT_ERR_PROOF_REQUIRED',
    'two copies'
  )
  t.equal((await client.refresh()).statusCode, 503, 'with the key, the outage shows')
})

t.test('the cookie of an ended bound session does not block an active one', async (t) => {
  const { app } = await buildApp(t)
  const ended = await app.sessions.create({ sub: 'ada', jkt: jktOf(other) })
  await app.sessions.revokeAll('ada')
  const client = new Client(app, { key: own })
  await client.login()
  const tokens = [ended.refreshToken, client.jar.refreshToken]
  const cookie = tokens.map((token) => `__Host-refresh_token=${token}`).join('; ')
  const dpop = createProof(own, { method: 'POST', url: 'http://localhost/auth/refresh' })
  t.equal((await post(app, '/refresh', { cookie, dpop })).statusCode, 200)
})

t.test(
  'a refresh during an outage uses up its proof, and the client continues with another one',
  async (t) => {
    const under = openMemoryStore()
    const methods: Partial<SessionStore> = {}
    const { app } = await buildApp(t, { under: overriding(under, methods) })
    const client = new Client(app, { key: own })
    await client.login()
    const dpop = createProof(own, { method: 'POST', url: 'http://localhost/auth/refresh' })
    const headers = { cookie: `__Host-refresh_token=${client.jar.refreshToken}`, dpop }
    methods.rotate = DOWN.rotate
    t.equal((await post(app, '/refresh', headers)).statusCode, 503)
    methods.rotate = (refresh) => under.store.rotate(refresh)
    t.equal((await post(app, '/refresh', headers)).json().code, 'FRT_ERR_PROOF_INVALID')
    t.equal((await client.refresh()).statusCode, 200)
  }
)

t.test('the mode off ignores the proof of a login', async (t) => {
  const { app } = await countLogins(t, { mode: 'off' })
  for (const dpop of [loginProof(), 'invalid']) t.equal((await post(app, '/login', { dpop })).statusCode, 200)
  t.same(
    (await app.sessions.list('ada')).map(({ jkt }) => jkt),
    [null, null]
  )
})

for (const mode of ['optional', 'required'] as const) {
  t.test(`in the mode ${mode}, an invalid proof is rejected before login is called`, async (t) => {
    const { app, count } = await countLogins(t, { mode })
    for (const create of [() => 'invalid', () => proofWith(), INVALID_PROOFS['has no jti'] as () => string]) {
      const response = await post(app, '/login', { dpop: create() })
      t.match(response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_INVALID' })
    }
    t.equal(count(), 0)
    t.strictSame(await app.sessions.list('ada'), [])
  })
}

t.test('the mode required rejects a login without a proof before login is called', async (t) => {
  const { app, count } = await countLogins(t, { mode: 'required' })
  const response = await post(app, '/login')
  t.match(response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_REQUIRED' })
  t.equal(response.headers['www-authenticate'], 'DPoP realm="api", algs="ES256"')
  t.equal(count(), 0)
  t.equal((await post(app, '/login', { dpop: loginProof() })).statusCode, 200)
})

t.test('the mode can depend on the request', async (t) => {
  const seen: unknown[] = []
  const mode = (request: { headers: Record<string, unknown> } | null): BindingMode => {
    seen.push(request === null)
    return request?.headers['x-client'] === 'new' ? 'required' : 'optional'
  }
  const { app } = await countLogins(t, { mode: mode as never })
  t.equal((await post(app, '/login')).statusCode, 200)
  t.equal((await post(app, '/login', { 'x-client': 'new' })).json().code, 'FRT_ERR_PROOF_REQUIRED')
  await app.sessions.create({ sub: 'ada' })
  t.ok(seen.includes(true), 'it is called with null for app.sessions')
})

t.test('a mode that is none is an error and no login', async (t) => {
  const { app, count } = await countLogins(t, { mode: (() => 'none') as never })
  t.match((await post(app, '/login')).json(), { statusCode: 500, code: 'FRT_ERR_INVALID_CALLBACK_RESULT' })
  t.equal(count(), 0)
})

t.test('a proof of a login is used once', async (t) => {
  const { app, count } = await countLogins(t, {})
  const dpop = loginProof()
  t.equal((await post(app, '/login', { dpop })).statusCode, 200)
  t.equal((await post(app, '/login', { dpop })).json().code, 'FRT_ERR_PROOF_INVALID')
  t.equal(count(), 1)
})

t.test('a client whose clock is two hours off needs one more request, once', async (t) => {
  const { app, clock, count } = await countLogins(t, {})
  const at = (nonce?: string) =>
    proofWith({
      claims: { htu: 'http://localhost/auth/login', iat: (clock.nowMs + 120 * MINUTE) / 1000, nonce }
    })
  const response = await post(app, '/login', { dpop: at() })
  const nonce = response.headers['dpop-nonce'] as string
  t.match(response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_NONCE', nonce })
  t.match(response.headers['www-authenticate'], /^DPoP realm="api", error="use_dpop_nonce"/)
  t.match(nonce, /^[\w-]{22}$/)
  t.equal(response.headers['content-length'], String(Buffer.byteLength(response.body)))
  t.equal(count(), 0, 'it did not use up an attempt')
  const second = await post(app, '/login', { dpop: at(nonce) })
  t.equal(second.statusCode, 200)
  t.notOk(second.headers['dpop-nonce'])
})

for (const [kind, payload] of [
  ['text', 'text'],
  ['JSON', { error: 'mine' }],
  ['bytes', Buffer.from('bytes')]
] as const) {
  t.test(
    `an error handler of the application that sends ${kind} keeps the nonce in the header`,
    async (t) => {
      const { app } = await buildApp(t, {
        prepare: (app) => app.setErrorHandler((_error, _request, reply) => reply.code(401).send(payload)),
        options: { binding: { nonce: 'always' } }
      })
      const response = await post(app, '/login', { dpop: loginProof() })
      t.equal(response.body, kind === 'JSON' ? '{"error":"mine"}' : String(payload))
      t.match(response.headers['dpop-nonce'], /^[\w-]{22}$/)
    }
  )
}

t.test('with nonce always, each response with tokens has the nonce for the next proof', async (t) => {
  const { app } = await buildApp(t, { options: { binding: { nonce: 'always' } } })
  const client = new Client(app, { key: own })
  t.equal((await client.login()).json().code, 'FRT_ERR_PROOF_NONCE')
  for (const request of [() => client.login(), () => client.refresh()]) {
    const response = await request()
    t.equal(response.statusCode, 200)
    t.equal(response.headers['dpop-nonce'], client.jar.nonce)
  }
})

t.test('a logout whose proof needs a nonce keeps the cookie, and can be repeated', async (t) => {
  const { app } = await buildApp(t, { options: { binding: { nonce: 'always' } } })
  const client = new Client(app, { key: own })
  await client.login()
  await client.login()
  client.jar.nonce = undefined
  client.jar.accessToken = undefined
  const response = await client.logout()
  t.match(response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_NONCE' })
  t.notOk(response.headers['set-cookie'])
  t.equal((await client.logout()).statusCode, 200)
  t.strictSame(await app.sessions.list('ada'), [])
})

t.test('a logout whose proof is invalid keeps the cookie', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app, { key: own })
  await client.login()
  const headers = { cookie: `__Host-refresh_token=${client.jar.refreshToken}`, dpop: 'invalid' }
  const response = await post(app, '/logout', headers)
  t.match(response.json(), { statusCode: 401, code: 'FRT_ERR_PROOF_INVALID' })
  t.notOk(response.headers['set-cookie'])
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('a logout without a proof succeeds if the access token is of the same session', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app, { key: own })
  await client.login()
  const headers = { cookie: `__Host-refresh_token=${client.jar.refreshToken}`, ...client.accessHeaders() }
  t.equal((await post(app, '/logout', headers)).statusCode, 200)
  t.strictSame(await app.sessions.list('ada'), [])
})

t.test('a logout revokes the sessions that it may revoke, and reports the other one', async (t) => {
  const { app } = await buildApp(t)
  const client = new Client(app, { key: own })
  await client.login()
  const { refreshToken } = await app.sessions.create({ sub: 'bob' })
  const cookie = [client.jar.refreshToken, refreshToken].map((token) => `__Host-refresh_token=${token}`)
  const response = await post(app, '/logout', { cookie: cookie.join('; ') })
  t.equal(response.json().code, 'FRT_ERR_PROOF_REQUIRED')
  t.strictSame(await app.sessions.list('bob'), [])
  t.equal((await app.sessions.list('ada')).length, 1)
})

t.test('identity.jkt binds a session without a proof, for example in an OAuth callback', async (t) => {
  const { app } = await buildApp(t, {
    options: { binding: { mode: 'required' } },
    extend: (app) => app.post('/callback', (request, reply) => reply.startSession(request.body as Identity))
  })
  const start = (payload: object, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/callback', payload, headers })
  t.equal((await start({ sub: 'ada', jkt: jktOf(own) })).statusCode, 200)
  t.equal((await start({ sub: 'ada' })).json().code, 'FRT_ERR_PROOF_REQUIRED')
  const dpop = () => createProof(own, { method: 'POST', url: 'http://localhost/callback' })
  t.equal((await start({ sub: 'ada' }, { dpop: dpop() })).statusCode, 200)
  t.equal((await start({ sub: 'ada', jkt: jktOf(own) }, { dpop: dpop() })).statusCode, 200)
  t.match((await start({ sub: 'ada', jkt: jktOf(other) }, { dpop: dpop() })).json(), {
    statusCode: 401,
    code: 'FRT_ERR_PROOF_KEY_MISMATCH'
  })
  t.same(
    (await app.sessions.list('ada')).map(({ jkt }) => jkt),
    Array(3).fill(jktOf(own))
  )
  await t.rejects(app.sessions.create({ sub: 'ada' }), { code: 'FRT_ERR_PROOF_REQUIRED' })
  await app.sessions.create({ sub: 'ada', jkt: jktOf(own) })
  for (const jkt of [
    '',
    'x',
    `${jktOf(own)}=`,
    `${jktOf(own).slice(0, -1)}\u00e9`,
    'x'.repeat(43),
    7,
    null
  ]) {
    await t.rejects(app.sessions.create({ sub: 'ada', jkt: jkt as string }), {
      code: 'FRT_ERR_INVALID_IDENTITY'
    })
  }
})

t.test('a route that starts a session and one that refreshes check the proof once', async (t) => {
  const { app } = await buildApp(t, {
    extend(app) {
      app.post('/start', (_request, reply) => reply.startSession({ sub: 'ada' }))
      app.post('/refresh', (_request, reply) => reply.refreshSession())
    }
  })
  const client = new Client(app, { key: own, prefix: '' })
  client.jar.store(await client.post('/start'), client.options)
  t.equal((await client.refresh()).statusCode, 200)
  t.match(await app.sessions.list('ada'), [{ gen: 2, jkt: jktOf(own) }])
})

t.test('OAuth clients get the errors of RFC 9449', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'body' } })
  const client = new Client(app, { key: own, transport: 'body' })
  await client.login()
  const refresh_token = client.jar.refreshToken ?? ''
  const send = (path: string, form: Record<string, string>, dpop?: string) =>
    app.inject({
      method: 'POST',
      url: `/auth${path}`,
      payload: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...(dpop && { dpop }) }
    })
  const grant = { grant_type: 'refresh_token', refresh_token }
  const late = proofWith({ key: own, claims: { iat: 1 } })
  for (const [proof, error] of [
    [undefined, 'invalid_grant'],
    [createProof(other, { method: 'POST', url: 'http://localhost/auth/refresh' }), 'invalid_grant'],
    ['invalid', 'invalid_dpop_proof'],
    [late, 'use_dpop_nonce']
  ] as const) {
    const response = await send('/refresh', grant, proof)
    t.match(response.json(), { error, error_description: String })
    t.equal(response.statusCode, 400)
    t.equal(response.headers['dpop-nonce'] !== undefined, error === 'use_dpop_nonce')
  }
  t.equal((await send('/logout', { token: refresh_token })).json().error, 'invalid_grant')
  const url = 'http://localhost/auth/logout'
  t.equal(
    (await send('/logout', { token: refresh_token }, createProof(own, { method: 'POST', url }))).statusCode,
    200
  )
  t.strictSame(await app.sessions.list('ada'), [])
})

t.test('a rejected token of a bound session is published', async (t) => {
  const { app } = await buildApp(t, { options: { keyPrefix: 'published:' } })
  const messages = recordMessages(t, 'fastify-refresh-token:proof-refused')
  const client = new Client(app, { key: own })
  await client.login()
  await thief({ app, client }, null).refresh()
  await thief({ app, client }, other).refresh()
  const [session] = await app.sessions.list('ada')
  const expected = { keyPrefix: 'published:', sid: session?.sid }
  t.strictSame(messages, [
    { ...expected, reason: 'required' },
    { ...expected, reason: 'mismatch' }
  ])
})

t.test('an access token with cnf is rejected, because it needs a proof', async (t) => {
  const { app } = await buildApp(t)
  await t.rejects(app.sessions.create({ sub: 'ada', claims: { cnf: { jkt: jktOf(own) } } as never }), {
    code: 'FRT_ERR_INVALID_IDENTITY'
  })
})
