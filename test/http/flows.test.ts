import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client, type ClientOptions } from '../support/client.js'
import { refreshCookiesIn } from '../support/refresh-cookie.js'
import { eachStore, type StoreUnderTest } from '../support/stores.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

interface Flow {
  name: string
  options: Partial<FastifyRefreshTokenOptions>
  client: ClientOptions
}

const FLOWS: Flow[] = [
  { name: 'cookie', options: {}, client: {} },
  { name: 'body', options: { transport: 'body' }, client: { transport: 'body' } },
  { name: 'header', options: { transport: 'header' }, client: { transport: 'header' } },
  {
    name: 'by request',
    options: { transport: (request) => (request.headers['x-refresh-token'] ? 'header' : 'body') },
    client: { transport: 'body' }
  },
  {
    name: 'headers and a cookie with other names',
    options: { cookie: { name: 'X-REFRESH_TOKEN' }, accessToken: { header: 'X-AUTH-TOKEN' } },
    client: { tokenName: 'X-REFRESH_TOKEN', accessHeader: 'x-auth-token' }
  }
]

await eachStore(t, async (t, open) => {
  for (const flow of FLOWS) await t.test(flow.name, (t) => runFlow(t, open(t), flow))
})

/** Runs all steps from the first login to the next one. */
async function runFlow(
  t: Test,
  under: StoreUnderTest,
  { options, client: clientOptions }: Flow
): Promise<void> {
  const { app, advance } = await buildApp(t, { under, options })
  const client = new Client(app, clientOptions)
  const { transport } = client.options

  const login = await client.login({ sub: 'ada', claims: { roles: ['reader'] } })
  t.equal(login.statusCode, 200)
  t.match(login.json(), { access_token: String, token_type: 'Bearer', expires_in: 300 })
  t.equal(login.headers['cache-control'], 'no-store')
  t.ok(client.jar.refreshToken, 'the client has a refresh token')
  t.equal(login.json().refresh_token !== undefined, transport === 'body')
  t.equal(login.headers['set-cookie'] !== undefined, transport === 'cookie')
  if (transport === 'body') t.equal(login.json().refresh_token_expires_in, (14 * DAY) / 1000)
  if (transport === 'header') t.equal(login.headers['x-access-token'], client.jar.accessToken)

  const me = await client.call()
  t.equal(me.statusCode, 200)
  t.match(me.json(), { sub: 'ada', gen: 1, roles: ['reader'], sid: /^[\w-]{32}$/ })

  await advance(5 * MINUTE + 1000)
  const expired = await client.call()
  t.equal(expired.statusCode, 401)
  t.match(expired.headers['www-authenticate'], /^Bearer realm="api", error="invalid_token"/)
  t.equal(expired.json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')

  const stolen = client.copy()
  const refreshed = await client.refresh()
  t.equal(refreshed.statusCode, 200)
  t.not(client.jar.refreshToken, stolen.jar.refreshToken, 'each refresh returns a new token')
  t.not(client.jar.accessToken, stolen.jar.accessToken)
  if (transport === 'header') t.equal(refreshed.headers['x-access-token'], client.jar.accessToken)
  t.match((await client.call()).json(), { sub: 'ada', gen: 2, roles: ['reader'] })

  await advance(2 * MINUTE)
  const reused = await stolen.refresh()
  t.equal(reused.statusCode, 401)
  t.equal(reused.json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  t.same(refreshCookiesIn(reused), [], 'only a logout clears the cookie')
  t.equal((await client.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')

  t.equal((await client.login()).statusCode, 200, 'a new login works')
  await advance(14 * DAY + 1000)
  const afterExpiry = await client.refresh()
  t.equal(afterExpiry.statusCode, 401)
  t.equal(afterExpiry.json().code, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
  t.match(afterExpiry.headers['www-authenticate'], /error="invalid_token"/)

  await client.login()
  t.equal((await client.call()).statusCode, 200)
  const last = client.copy()
  t.same((await client.logout()).json(), {})
  t.equal((await last.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await last.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
}
