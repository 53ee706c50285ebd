import t, { type Test } from 'tap'
import type { AccessTokens } from '../../../lib/tokens/access-token.js'
import { withVerificationCache } from '../../../lib/tokens/verified-token-cache.js'
import type { AccessTokenClaims } from '../../../types/session.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'

/** Returns a cache over a verifier that accepts tokens starting with `valid` and records its calls. */
function createCache(max: number) {
  const calls: string[] = []
  const accessTokens: AccessTokens = {
    sign: () => ({ token: 'valid', expiresIn: 1 }),
    verify(token) {
      calls.push(token)
      if (!token.startsWith('valid')) throw new Error('invalid')
      return {
        sub: token,
        sid: 's',
        gen: 1,
        roles: ['a', { deep: [1] }],
        none: null
      } as unknown as AccessTokenClaims
    }
  }
  return { calls, cached: withVerificationCache(accessTokens, max) }
}

t.test('a valid token is verified once', async (t) => {
  const { calls, cached } = createCache(10)
  const first = cached.verify('valid')
  t.same(cached.verify('valid'), first)
  t.same(calls, ['valid'])
  t.equal(cached.verify('valid ').sub, 'valid ', 'an additional character makes another token')
  t.equal(calls.length, 2)
})

t.test('an invalid token is verified and rejected each time', async (t) => {
  const { calls, cached } = createCache(10)
  for (let i = 0; i < 3; i++) t.throws(() => cached.verify('invalid'), /invalid/)
  t.equal(calls.length, 3)
})

t.test('changes of the returned claims do not affect later calls', async (t) => {
  const { cached } = createCache(10)
  for (let i = 0; i < 3; i++) {
    const claims = cached.verify('valid') as AccessTokenClaims & { roles: unknown[] }
    t.same(claims.roles, ['a', { deep: [1] }])
    claims.sub = 'root'
    ;(claims.roles[1] as { deep: number[] }).deep.push(2)
    claims.roles.push('admin')
  }
})

t.test('a full cache evicts the least recently used token', async (t) => {
  const { calls, cached } = createCache(2)
  for (const token of ['valid1', 'valid2', 'valid1', 'valid3', 'valid1', 'valid2']) cached.verify(token)
  t.same(calls, ['valid1', 'valid2', 'valid3', 'valid2'])
})

t.test('max 0 disables the cache', async (t) => {
  const { calls, cached } = createCache(0)
  cached.verify('valid')
  cached.verify('valid')
  t.equal(calls.length, 2)
})

t.test(
  'a cached token is rejected after its expiry and after the revocation of its session',
  async (t: Test) => {
    const { app, clock } = await buildApp(t)
    const [expiring, revoked] = [new Client(app), new Client(app)]
    for (const client of [expiring, revoked]) {
      await client.login()
      for (let i = 0; i < 2; i++) t.equal((await client.call()).statusCode, 200)
    }
    const { accessToken } = revoked.jar
    await revoked.logout()
    revoked.jar.accessToken = accessToken
    t.equal((await revoked.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
    clock.advance(301_000)
    t.equal((await expiring.call()).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
  }
)
