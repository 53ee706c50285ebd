import type { FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import type { Claims, FastifyRefreshTokenOptions, Identity, SessionStore } from '../../lib/index.js'
import { createIdempotencyKey } from '../../lib/utils/random.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

const READER: Identity = { sub: 'ada', claims: { roles: ['reader'] } }
const ADMIN = { claims: { roles: ['admin'] } as Claims }

function claimsOf(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

await eachStore(t, async (t, open) => {
  async function build(t: Test, options: Partial<FastifyRefreshTokenOptions> = {}) {
    const built = await buildApp(t, {
      under: open(t),
      options,
      extend: (app) => {
        const reissue = async (_request: unknown, reply: FastifyReply) => reply.reissueAccessToken()
        app.post('/reissue', { preHandler: app.authenticate }, reissue)
        app.post('/without-guard', reissue)
      }
    })
    const client = new Client(built.app)
    await client.login(READER)
    const reissue = (url = '/reissue') =>
      built.app.inject({ method: 'POST', url, headers: client.accessHeaders() })
    return { ...built, client, reissue, sid: claimsOf(client.jar.accessToken as string).sid as string }
  }

  t.test('an update of the claims reaches the next access token, and a reissue has it at once', async (t) => {
    const { app, client, reissue, sid, advance } = await build(t)
    t.match(await app.sessions.update(sid, ADMIN), { sid, ...ADMIN, gen: 1 })
    t.same((await client.call()).json().roles, ['reader'], 'the present token stays as it is')

    await advance(60_000)
    const before = claimsOf(client.jar.accessToken as string)
    const response = await reissue()
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers['set-cookie'], undefined, 'no rotation')
    t.match(response.json(), { token_type: 'Bearer', expires_in: 240 })
    const { jti, iat, roles, ...claims } = claimsOf(response.json().access_token)
    t.same(roles, ['admin'])
    t.not(jti, before.jti)
    t.equal(iat, before.iat + 60)
    t.has(before, claims, 'generation, expiry and times of the session are those of the presented token')

    await client.refresh()
    t.same((await client.call()).json().roles, ['admin'])
  })

  t.test('a reissued token confirms no generation that its client does not hold', async (t) => {
    const { client, reissue } = await build(t)
    const other = client.copy()
    await other.refresh()
    const response = await reissue()
    t.equal(claimsOf(response.json().access_token).gen, 1)
  })

  t.test('update returns null without a session, and rejects invalid changes', async (t) => {
    const { app, sid } = await build(t)
    t.equal(await app.sessions.update('A'.repeat(32), ADMIN), null)
    t.equal(await app.sessions.update('x', ADMIN), null)
    for (const change of [
      undefined,
      null,
      {},
      { claim: {} },
      { claims: null },
      { claims: { sub: 'grace' } },
      { claims: { big: 'x'.repeat(5000) } },
      { name: '' },
      { name: 7 },
      { name: 'x'.repeat(65) },
      { name: '\ud800' }
    ]) {
      await t.rejects(app.sessions.update(sid, change as object), { code: 'FRT_ERR_INVALID_IDENTITY' })
    }
    t.match(await app.sessions.get(sid), { ...READER, name: null })
  })

  t.test('a reissue fails for a session that has ended, whether this process knows it or not', async (t) => {
    for (const isKnown of [true, false]) {
      await t.test(isKnown ? 'known' : 'unknown', async (t) => {
        const { app, store, reissue, sid } = await build(t, { revocation: { mode: 'none' } })
        if (isKnown) await app.sessions.revoke(sid)
        else await store.revoke([sid], 'logout', createIdempotencyKey())
        const response = await reissue()
        t.match([response.statusCode, response.json().code], [401, 'FRT_ERR_SESSION_REVOKED'])
      })
    }
  })

  t.test('a reissue uses session.load, and null revokes the session', async (t) => {
    let loaded: { claims?: Claims } | null = ADMIN
    const { app, reissue, sid } = await build(t, { session: { load: () => loaded } })
    t.same(claimsOf((await reissue()).json().access_token).roles, ['admin'])
    loaded = null
    t.equal((await reissue()).json().code, 'FRT_ERR_SESSION_REVOKED')
    t.equal(await app.sessions.get(sid), null)
  })
})

t.test('a reissue needs a guard', async (t) => {
  const { app } = await buildApp(t, {
    extend: (app) => app.post('/reissue', async (_request, reply) => reply.reissueAccessToken())
  })
  const client = new Client(app)
  await client.login()
  const response = await app.inject({ method: 'POST', url: '/reissue', headers: client.accessHeaders() })
  t.match([response.statusCode, response.json().code], [401, 'FRT_ERR_NO_ACCESS_TOKEN'])
})

t.test('a reissued token has at most the scopes of the presented token', async (t) => {
  const { app } = await buildApp(t, {
    extend: (app) =>
      app.post('/reissue', { preHandler: app.authenticate }, async (_request, reply) =>
        reply.reissueAccessToken()
      )
  })
  const { accessToken, refreshToken, session } = await app.sessions.create({
    sub: 'ada',
    claims: { scope: 'read write', roles: [] } as Claims
  })
  const scopeOf = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await app.inject({ method: 'POST', url: '/reissue', headers })
    return claimsOf(response.json().access_token).scope
  }
  t.equal(await scopeOf(accessToken), 'read write')
  const narrowed = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=refresh_token&refresh_token=${refreshToken}&scope=read`
  })
  t.equal(await scopeOf(narrowed.json().access_token), 'read')
  await app.sessions.update(session.sid, { claims: { scope: 'write', roles: [] } as Claims })
  t.equal(await scopeOf(narrowed.json().access_token), undefined)
  await app.sessions.update(session.sid, { claims: { roles: [] } as Claims })
  t.equal(await scopeOf(accessToken), undefined)
})

t.test('a revocation that arrives during a reissue wins', async (t) => {
  const methods: Partial<SessionStore> = {}
  const under = openMemoryStore()
  const { app } = await buildApp(t, {
    under: overriding(under, methods),
    extend: (app) =>
      app.post('/reissue', { preHandler: app.authenticate }, async (_request, reply) =>
        reply.reissueAccessToken()
      )
  })
  const client = new Client(app)
  await client.login()
  methods.get = async (sid) => {
    const session = await under.store.get(sid)
    await app.sessions.revoke(sid)
    return session
  }
  const response = await app.inject({ method: 'POST', url: '/reissue', headers: client.accessHeaders() })
  t.equal(response.json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a store that is down is a 503', async (t) => {
  const methods = {}
  const { app } = await buildApp(t, {
    under: overriding(openMemoryStore(), methods),
    extend: (app) =>
      app.post('/reissue', { preHandler: app.authenticate }, async (_request, reply) =>
        reply.reissueAccessToken()
      )
  })
  const client = new Client(app)
  await client.login()
  Object.assign(methods, DOWN)
  const response = await app.inject({ method: 'POST', url: '/reissue', headers: client.accessHeaders() })
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  await t.rejects(app.sessions.update('A'.repeat(32), { name: 'x' }), { code: 'FRT_ERR_STORE_UNAVAILABLE' })
})
