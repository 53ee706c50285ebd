import t from 'tap'
import { startProvider } from './support/provider.js'
import { runPython } from './support/python.js'

t.test('requests-oauthlib refreshes by itself, narrows the scope, and revokes', async (t) => {
  const { origin, login } = await startProvider(t)
  const seen = await runPython('requests_oauthlib_client.py', { origin, token: await login() })
  t.match(seen, {
    me: { sub: 'ada', gen: 2, scope: 'read write' },
    updates: 1,
    refreshed: ['read', 'write'],
    narrow: ['read'],
    full: ['read', 'write'],
    beyond: { class: 'InvalidScopeError', error: 'invalid_scope' },
    revocation: 200,
    revoked: { class: 'InvalidGrantError', error: 'invalid_grant' }
  })
})
