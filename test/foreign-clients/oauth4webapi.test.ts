import * as oauth from 'oauth4webapi'
import t from 'tap'
import { AUDIENCE, SERVICE, startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

const client: oauth.Client = { client_id: 'cli' }
const insecurely = { [oauth.allowInsecureRequests]: true }

async function discover(origin: string): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(origin)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecurely })
  return oauth.processDiscoveryResponse(issuer, response)
}

t.test('oauth4webapi refreshes, validates, introspects and revokes', async (t) => {
  const { origin, login } = await startProvider(t)
  const server = await discover(origin)
  const { refresh_token } = await login()

  const refresh = async (token: string, scope?: string) => {
    const additionalParameters = scope === undefined ? {} : { scope }
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, {
      additionalParameters,
      ...insecurely
    })
    return oauth.processRefreshTokenResponse(server, client, response)
  }
  const narrow = await refresh(refresh_token, 'write')
  t.equal(narrow.scope, 'write')

  const headers = { authorization: `Bearer ${narrow.access_token}` }
  const request = new Request(AUDIENCE, { headers })
  const claims = await oauth.validateJwtAccessToken(server, request, AUDIENCE, insecurely)
  t.match(claims, { sub: 'ada', scope: 'write', client_id: 'cli', jti: String })

  const full = await refresh(narrow.refresh_token ?? '')
  t.equal(full.scope, 'read write')
  t.match(await rejectionOf(refresh(full.refresh_token ?? '', 'read admin')), {
    error: 'invalid_scope',
    status: 400
  })

  const service = { client_id: SERVICE.id }
  const answer = await oauth.introspectionRequest(
    server,
    service,
    oauth.ClientSecretBasic(SERVICE.secret),
    full.access_token,
    insecurely
  )
  t.match(await oauth.processIntrospectionResponse(server, service, answer), { active: true, sub: 'ada' })

  const revocation = await oauth.revocationRequest(
    server,
    client,
    oauth.None(),
    full.refresh_token ?? '',
    insecurely
  )
  t.equal(await oauth.processRevocationResponse(revocation), undefined)
  t.match(await rejectionOf(refresh(full.refresh_token ?? '')), { error: 'invalid_grant' })
})
