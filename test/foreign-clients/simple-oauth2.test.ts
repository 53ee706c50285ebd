import { ResourceOwnerPassword } from 'simple-oauth2'
import t from 'tap'
import { startProvider } from './support/provider.js'
import { rejectionOf } from './support/rejection.js'

for (const authorizationMethod of ['header', 'body'] as const) {
  t.test(
    `simple-oauth2 refreshes and revokes, with its credentials in the ${authorizationMethod}`,
    async (t) => {
      const { origin, login, app, advance } = await startProvider(t)
      const client = new ResourceOwnerPassword({
        client: { id: 'cli', secret: 'ignored' },
        auth: { tokenHost: origin, tokenPath: '/auth/refresh', revokePath: '/auth/logout' },
        options: { authorizationMethod }
      })
      const first = client.createToken(await login())
      t.equal(first.expired(), false)
      await advance(6 * 60_000)
      t.equal(first.expired(), true)

      const second = await first.refresh()
      t.equal(second.expired(), false)
      t.equal(second.token.scope, 'read write')
      const third = await second.refresh({ scope: ['read'] })
      t.equal(third.token.scope, 'read')
      const { sid } = await app.sessions.verify(String(third.token.access_token))
      t.match(await rejectionOf(third.refresh({ scope: 'admin' })), {
        output: { statusCode: 400 },
        data: { payload: { error: 'invalid_scope' } }
      })
      await third.revokeAll()
      t.equal(await app.sessions.get(sid), null)
      t.match(await rejectionOf(third.refresh()), { data: { payload: { error: 'invalid_grant' } } })
    }
  )
}
