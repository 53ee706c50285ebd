import t, { type Test } from 'tap'
import type { AccessTokens } from '../../../lib/tokens/access-token.js'
import { withVerificationCache } from '../../../lib/tokens/verified-token-cache.js'
import type { AccessTokenClaims } from '../../../types/session.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'

/** Access tokens of which each `good…` is good, and a count of how often one was verified. */
function counted(max: number) {
  const calls: string[] = []
  const accessTokens: AccessTokens = {
    sign: () => ({ token: 'good', expiresIn: 1 }),
    verify(token) {
      calls.push(token)
      if (!token.startsWith('good')) throw new Error('bad')
      return {
        sub: token,
        sid: 's',
        gen: 1,
        roles: ['a', { deep: [1] }],
        none: null
      } as unknown as AccessTokenClaims
    }
  }
  return { calls, remembered: withVerificationCache(accessTokens, max) }
}

t.test('a token is verified once', async (t) => {
  const { calls, remembered } = counted(10)
  const first = remembered.verify('good')
  t.same(remembered.verify('good'), first)
  t.same(calls, ['good'])
  t.equal(remembered.verify('good ').sub, 'good ', 'a character more is another token')
  t.equal(calls.length, 2)
})

t.test('a bad token is verified, and refused, each time', async (t) => {
  const { calls, remembered } = counted(10)
  for (let i = 0; i < 3; i++) t.throws(() => remembered.verify('bad'), /bad/)
  t.equal(calls.length, 3)
})

t.test('what one makes of the claims the next does not see', async (t) => {
  const { remembered } = counted(10)
  for (let i = 0; i < 3; i++) {
    const claims = remembered.verify('good') as AccessTokenClaims & { roles: unknown[] }
    t.same(claims.roles, ['a', { deep: [1] }])
    claims.sub = 'root'
    ;(claims.roles[1] as { deep: number[] }).deep.push(2)
    claims.roles.push('admin')
  }
})

t.test('it is bounded: the least recently used make room', async (t) => {
  const { calls, remembered } = counted(2)
  for (const token of ['good1', 'good2', 'good1', 'good3', 'good1', 'good2']) remembered.verify(token)
  t.same(calls, ['good1', 'good2', 'good3', 'good2'])
})

t.test('0 remembers none', async (t) => {
  const { calls, remembered } = counted(0)
  remembered.verify('good')
  remembered.verify('good')
  t.equal(calls.length, 2)
})

t.test('a token that was remembered expires, and is refused once its session has ended', async (t: Test) => {
  const { app, clock } = await buildApp(t)
  const [expiring, ending] = [new Client(app), new Client(app)]
  for (const client of [expiring, ending]) {
    await client.login()
    for (let i = 0; i < 2; i++) t.equal((await client.call()).statusCode, 200)
  }
  const { accessToken } = ending.jar
  await ending.logout()
  ending.jar.accessToken = accessToken
  t.equal((await ending.call()).json().code, 'FRT_ERR_SESSION_REVOKED')
  clock.advance(301_000)
  t.equal((await expiring.call()).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})
