import t from 'tap'
import { SERVICE, startProvider } from './support/provider.js'
import { runPython } from './support/python.js'

t.test('authlib refreshes by itself, narrows the scope, introspects and revokes', async (t) => {
  const { origin, login } = await startProvider(t)
  const seen = await runPython('authlib_client.py', { origin, token: await login(), service: SERVICE })
  t.match(seen, {
    issuer: origin,
    me: { sub: 'ada', gen: 2, scope: 'read write' },
    updates: Number,
    narrow: 'read',
    active: { active: true, sub: 'ada', scope: 'read', client_id: 'cli' },
    beyond: 'invalid_scope',
    revocation: 200,
    revoked: 'invalid_grant'
  })
  t.strictSame(seen.inactive, { active: false })
})
