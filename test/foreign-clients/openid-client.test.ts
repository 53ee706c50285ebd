import * as client from 'openid-client'
import t from 'tap'
import { SERVICE, startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

function discover(origin: string, clientId: string, authentication: client.ClientAuth) {
  return client.discovery(new URL(origin), clientId, undefined, authentication, {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests]
  })
}

t.test('openid-client discovers, refreshes, calls and revokes', async (t) => {
  const { origin, login } = await startProvider(t)
  const config = await discover(origin, 'cli', client.None())
  t.match(config.serverMetadata(), {
    issuer: origin,
    token_endpoint: `${origin}/auth/refresh`,
    scopes_supported: ['read', 'write']
  })

  const first = await login()
  const second = await client.refreshTokenGrant(config, first.refresh_token)
  t.match(second, { token_type: 'bearer', expires_in: 300, scope: 'read write' })
  const third = await client.refreshTokenGrant(config, second.refresh_token ?? '', { scope: 'read' })
  t.equal(third.scope, 'read')

  const response = await client.fetchProtectedResource(
    config,
    third.access_token,
    new URL('/me', origin),
    'GET'
  )
  t.match(await response.json(), { sub: 'ada', scope: 'read', client_id: 'cli' })

  const rejected = client.refreshTokenGrant(config, third.refresh_token ?? '', { scope: 'admin' })
  t.match(await rejectionOf(rejected), { error: 'invalid_scope', status: 400 })
  await client.tokenRevocation(config, third.refresh_token ?? '')
  const late = client.refreshTokenGrant(config, third.refresh_token ?? '')
  t.match(await rejectionOf(late), { error: 'invalid_grant', status: 400 })
})

t.test('openid-client introspects as a service, and not with a wrong secret', async (t) => {
  const { origin, login, app } = await startProvider(t)
  const { access_token, refresh_token } = await login()
  const service = await discover(origin, SERVICE.id, client.ClientSecretBasic(SERVICE.secret))
  const active = await client.tokenIntrospection(service, access_token)
  t.match(active, { active: true, sub: 'ada', scope: 'read write', client_id: 'cli', iss: origin })
  t.strictSame(await client.tokenIntrospection(service, refresh_token), { active: false })
  await app.sessions.revoke(String(active.sid))
  t.strictSame(await client.tokenIntrospection(service, access_token), { active: false })

  const stranger = await discover(origin, SERVICE.id, client.ClientSecretBasic('guessed'))
  t.match(await rejectionOf(client.tokenIntrospection(stranger, access_token)), {
    code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
    status: 401
  })
})
