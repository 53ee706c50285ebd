import { OAuth2Client, OAuth2Fetch, type OAuth2Token } from '@badgateway/oauth2-client'
import t from 'tap'
import { type LoginResponse, SERVICE, startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

function toToken({ access_token, refresh_token, expires_in }: LoginResponse): OAuth2Token {
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    expiresAt: Date.now() + 1000 * expires_in
  }
}

t.test('@badgateway/oauth2-client discovers, refreshes, introspects and revokes', async (t) => {
  const { origin, login, app } = await startProvider(t)
  const discoveryEndpoint = '/.well-known/oauth-authorization-server'
  const client = new OAuth2Client({ server: origin, discoveryEndpoint, clientId: 'cli' })
  const first = toToken(await login())
  const second = await client.refreshToken(first)
  const third = await client.refreshToken(second, { scope: ['write'] })
  t.match(await app.sessions.verify(third.accessToken), { sub: 'ada', scope: 'write' })
  t.match(await rejectionOf(client.refreshToken(third, { scope: ['admin'] })), {
    oauth2Code: 'invalid_scope',
    httpCode: 400
  })

  const service = new OAuth2Client({
    server: origin,
    discoveryEndpoint,
    clientId: SERVICE.id,
    clientSecret: SERVICE.secret,
    authenticationMethod: 'client_secret_basic_interop'
  })
  t.match(await service.introspect(third), { active: true, sub: 'ada', scope: 'write' })
  await client.revoke(third, 'refresh_token')
  t.strictSame(await service.introspect(third), { active: false })
  t.match(await rejectionOf(client.refreshToken(third)), { oauth2Code: 'invalid_grant' })
})

t.test('the fetch of @badgateway/oauth2-client refreshes after an expiry', async (t) => {
  const { origin, login, advance } = await startProvider(t)
  const client = new OAuth2Client({ server: origin, tokenEndpoint: '/auth/refresh', clientId: 'cli' })
  const stored: (OAuth2Token | null)[] = []
  const initial = toToken(await login())
  const wrapper = new OAuth2Fetch({
    client,
    scheduleRefresh: false,
    getStoredToken: () => initial,
    getNewToken: () => null,
    storeToken: (token) => void stored.push(token)
  })
  for (const gen of [1, 2, 3]) {
    const response = await wrapper.fetch(`${origin}/me`)
    t.equal(response.status, 200)
    t.match(await response.json(), { sub: 'ada', gen })
    await advance(6 * 60_000)
  }
  t.not(stored.at(-1)?.refreshToken, initial.refreshToken)
})
