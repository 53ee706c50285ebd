import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import type { Claims, FastifyRefreshTokenOptions, RefreshEvent, Tokens } from '../../lib/index.js'
import { buildApp, overriding } from '../support/build-app.js'
import { recordTraces } from '../support/diagnostics.js'
import { eachStore, openMemoryStore } from '../support/stores.js'

const MINUTE = 60_000

/** Refreshes like an OAuth client. */
function refresh(app: FastifyInstance, token: string, scope?: string): Promise<LightMyRequestResponse> {
  const form = { grant_type: 'refresh_token', refresh_token: token, ...(scope !== undefined && { scope }) }
  return app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(form).toString()
  })
}

function create(app: FastifyInstance, scope: unknown): Promise<Tokens> {
  return app.sessions.create({ sub: 'ada', claims: { scope } as Claims })
}

/** Asserts the scopes of the response and of its access token. Returns the new refresh token. */
async function hasScope(
  t: Test,
  app: FastifyInstance,
  response: LightMyRequestResponse,
  scope: string | undefined
): Promise<string> {
  t.equal(response.statusCode, 200, response.body)
  const { access_token, refresh_token, scope: answered } = response.json()
  t.equal(answered, scope, 'the response')
  t.equal((await app.sessions.verify(access_token)).scope, scope, 'the access token')
  return refresh_token
}

async function isInvalidScope(
  t: Test,
  app: FastifyInstance,
  response: LightMyRequestResponse,
  { session }: Tokens
): Promise<void> {
  t.equal(response.statusCode, 400)
  t.strictSame(response.json(), {
    error: 'invalid_scope',
    error_description: 'The requested scope exceeds the scope of the session'
  })
  t.equal((await app.sessions.get(session.sid))?.gen, session.gen, 'nothing was rotated')
}

t.test('a scope that the session does not have is invalid_scope, and nothing is rotated', async (t) => {
  await eachStore(t, async (t, open) => {
    const { app } = await buildApp(t, { under: open(t) })
    const tokens = await create(app, 'read write')
    for (const scope of [
      'admin',
      'read admin',
      'READ',
      'readwrite',
      'rea',
      'read  write',
      ' read',
      'ré',
      '"'
    ]) {
      await isInvalidScope(t, app, await refresh(app, tokens.refreshToken, scope), tokens)
    }
    t.equal((await refresh(app, tokens.refreshToken)).statusCode, 200, 'the token is still valid')
  })
})

t.test('a narrower scope applies to one access token only', async (t) => {
  await eachStore(t, async (t, open) => {
    const { app } = await buildApp(t, { under: open(t) })
    const first = (await create(app, 'read write')).refreshToken
    const second = await hasScope(t, app, await refresh(app, first, 'read'), 'read')
    const third = await hasScope(t, app, await refresh(app, second), 'read write')
    const fourth = await hasScope(t, app, await refresh(app, third, 'write read write'), 'write read')
    await hasScope(t, app, await refresh(app, fourth, ''), 'read write')
  })
})

t.test('other claims stay, and app.authorize requires the narrower scope', async (t) => {
  const { app } = await buildApp(t, {
    extend: (app) =>
      app.get('/written', { preHandler: [app.authenticate, app.authorize('write')] }, async () => 'done')
  })
  const claims = { scope: 'read write', roles: ['editor'] }
  const { refreshToken } = await app.sessions.create({ sub: 'ada', claims })
  const { access_token } = (await refresh(app, refreshToken, 'read')).json()
  t.match(await app.sessions.verify(access_token), { scope: 'read', roles: ['editor'] })
  const headers = { authorization: `Bearer ${access_token}` }
  t.equal((await app.inject({ url: '/written', headers })).statusCode, 403)
})

t.test('a replay has the scope of its own request', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken } = await create(app, 'read write')
  await hasScope(t, app, await refresh(app, refreshToken, 'read'), 'read')
  await hasScope(t, app, await refresh(app, refreshToken, 'write'), 'write')
})

t.test('reuse is detected, and a replay is rejected, if the scope is invalid', async (t) => {
  const rows: number[] = []
  const onRefresh = ({ row }: RefreshEvent) => void rows.push(row)
  const { app, advance, settled } = await buildApp(t, { options: { onRefresh } })
  const tokens = await create(app, 'read')
  const successor = (await refresh(app, tokens.refreshToken)).json()
  const current = { ...tokens, session: { ...tokens.session, gen: 2 } }
  await isInvalidScope(t, app, await refresh(app, tokens.refreshToken, 'admin'), current)
  t.strictSame(rows, [4], 'a refresh that fails emits no event')

  await app.sessions.verify(successor.access_token)
  await settled()
  await advance(2 * MINUTE)
  t.equal((await refresh(app, tokens.refreshToken, 'admin')).json().error, 'invalid_grant')
  t.equal(await app.sessions.get(tokens.session.sid), null, 'the session is revoked')
})

t.test('a session without scopes grants none, and its responses name none', async (t) => {
  const { app } = await buildApp(t)
  for (const claim of [undefined, '', ['read', 'write'], { read: true }, 7]) {
    const tokens = await create(app, claim)
    for (const scope of ['read', ' ']) {
      await isInvalidScope(t, app, await refresh(app, tokens.refreshToken, scope), tokens)
    }
    const response = await refresh(app, tokens.refreshToken)
    t.equal(response.statusCode, 200)
    t.notOk('scope' in response.json())
    t.strictSame((await app.sessions.verify(response.json().access_token)).scope, claim, 'the claim stays')
  }
})

t.test('session.load decides which scopes a refresh can ask for', async (t) => {
  let loaded: { claims?: Claims } | null = {}
  const options: Partial<FastifyRefreshTokenOptions> = { session: { load: async () => loaded } }
  const { app } = await buildApp(t, { options })
  const tokens = await create(app, 'read write')

  const second = await hasScope(t, app, await refresh(app, tokens.refreshToken, 'write'), 'write')
  loaded = { claims: { scope: 'read' } }
  const { session } = tokens
  const current = { ...tokens, session: { ...session, gen: 2 } }
  await isInvalidScope(t, app, await refresh(app, second, 'write'), current)
  const third = await hasScope(t, app, await refresh(app, second), 'read')
  loaded = { claims: { scope: 'read admin' } }
  const fourth = await hasScope(t, app, await refresh(app, third, 'admin'), 'admin')
  loaded = null
  t.equal((await refresh(app, fourth, 'admin')).json().error, 'invalid_grant', 'the session was revoked')
})

t.test('an invalid refresh token is invalid_grant, with any scope', async (t) => {
  const { app } = await buildApp(t)
  const { refreshToken, session } = await create(app, 'read')
  await app.sessions.revoke(session.sid)
  for (const token of [refreshToken, 'A'.repeat(92)]) {
    for (const scope of ['read', 'admin']) {
      t.equal((await refresh(app, token, scope)).json().error, 'invalid_grant')
    }
  }
})

t.test('the scope also limits the token if the store finds the session only at the rotation', async (t) => {
  const under = overriding(openMemoryStore(), { get: async () => null })
  const { app } = await buildApp(t, { under })
  const first = (await create(app, 'read write')).refreshToken
  const second = await hasScope(t, app, await refresh(app, first, 'read'), 'read')
  t.equal((await refresh(app, second, 'admin')).json().error, 'invalid_scope')
})

t.test('only a refresh with a scope reads the session before the rotation', async (t) => {
  const calls = recordTraces(t, 'fastify-refresh-token:store')
  const { app } = await buildApp(t)
  for (const [scope, expected] of [
    [undefined, ['rotate']],
    ['read', ['get', 'rotate']],
    ['admin', ['get']]
  ] as const) {
    const { refreshToken } = await create(app, 'read')
    calls.splice(0)
    await refresh(app, refreshToken, scope)
    const started = calls.filter(({ phase }) => phase === 'start').map(({ message }) => message.operation)
    t.strictSame(started, expected)
  }
})

t.test('JSON requests have no scope', async (t) => {
  const { app } = await buildApp(t, { options: { transport: 'body' } })
  const { refreshToken } = await create(app, 'read write')
  const payload = { refresh_token: refreshToken, scope: 'read' }
  const response = await app.inject({ method: 'POST', url: '/auth/refresh', payload })
  t.notOk('scope' in response.json())
  t.equal((await app.sessions.verify(response.json().access_token)).scope, 'read write')
})
