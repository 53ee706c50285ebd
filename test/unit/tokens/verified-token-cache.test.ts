import t, { type Test } from 'tap'
import type { AccessTokens } from '../../../lib/tokens/access-token.js'
import { withVerificationCache } from '../../../lib/tokens/verified-token-cache.js'
import type { AccessTokenClaims } from '../../../types/session.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { collect } from '../../support/gc.js'

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

t.test('large tokens share the memory of small ones', async (t) => {
  const max = 100
  const { calls, cached } = createCache(max)
  // About the length of a token with 4 kB of claims.
  const large = Array.from({ length: max }, (_, i) => `valid${i}`.padEnd(5600, '.'))
  const repeat = (tokens: string[]) => {
    calls.length = 0
    for (const token of tokens) cached.verify(token)
    return calls.length
  }
  repeat(large)
  t.equal(repeat(large.slice(-9)), 0, 'the last ones are cached')
  t.equal(repeat(large.slice(0, -10)), max - 10, 'all others were evicted')

  const small = Array.from({ length: max }, (_, i) => `valid${i}`.padEnd(250, '.'))
  repeat(small)
  t.equal(repeat(small), 0, 'small tokens are limited only in number')
})

t.test('a token that is larger than the cache is verified each time', async (t) => {
  const { calls, cached } = createCache(1)
  const [small, large] = ['valid'.padEnd(250, '.'), 'valid'.padEnd(5600, '.')]
  for (const token of [small, large, large, small]) cached.verify(token)
  t.same(calls, [small, large, large], 'and does not evict the others')
})

t.test('a cached token does not keep the header of its request in memory', async (t) => {
  const claims = { sub: 'user-1', sid: 's', gen: 1 } as AccessTokenClaims
  const cached = withVerificationCache({ verify: (_token: string) => claims }, 1000)
  const headerOf = (i: number) => `Bearer ${' '.repeat(16_000)}valid${i}`.padEnd(16_300, '.')
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 1000; i++) cached.verify(headerOf(i).slice(16_007))
  collect()
  const perToken = (process.memoryUsage().heapUsed - before) / 1000
  t.ok(perToken < 4000, `${perToken} bytes for each token`)
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
