import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { AFTER_COOLDOWN, assertContains, GRACE, HOUR, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, rowOf, TestClient, type Token } from './test-client.js'

/** Cases for the current token, rows 1 to 4 of the rotation rule. */
export const currentToken: Cases = {
  'reports a revoked session and the reason (row 1)': async ({ store }) => {
    for (const reason of ['logout', 'reuse', 'revoked', 'replaced', 'disabled', 'rollback'] as const) {
      const client = await TestClient.login(store)
      await store.revoke([client.sid], reason, createIdempotencyKey())
      for (const gen of [1, 2, 3])
        assert.deepEqual(await client.present(gen, 0), { outcome: 'revoked', reason })
    }
  },

  'revokes a stored session that the process knows to be revoked (row 1)': async ({ store, clock }) => {
    const client = await TestClient.login(store)
    const knownRevocation = { reason: 'logout', expiresAtMs: clock.nowMs + HOUR } as const
    assert.deepEqual(await client.present(1, 0, { knownRevocation }), {
      outcome: 'revoked',
      reason: 'logout'
    })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(
      await client.present(1, 0),
      { outcome: 'revoked', reason: 'logout' },
      'the store has the revocation'
    )
  },

  'writes a revocation again if the store lost it (row 1)': async ({ store, clock, advance }) => {
    const client = TestClient.withoutSession(store)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
    const knownRevocation = { reason: 'revoked', expiresAtMs: clock.nowMs + HOUR } as const
    await client.present(1, 0, { knownRevocation })
    assert.deepEqual(await client.present(1, 0), { outcome: 'revoked', reason: 'revoked' })
    await advance(HOUR + SECOND)
    assert.deepEqual(
      await client.present(1, 0),
      { outcome: 'unknown' },
      'it is kept as long as a token could be valid'
    )
    const past = { reason: 'revoked', expiresAtMs: 0 } as const
    assert.deepEqual(await client.present(1, 0, { knownRevocation: past }), {
      outcome: 'revoked',
      reason: 'revoked'
    })
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' }, 'an expired revocation is not kept')
  },

  'reports an unknown session (row 2)': async ({ store }) => {
    const client = TestClient.withoutSession(store)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
    assert.equal(await store.has(client.sid), false, 'no session is created')
  },

  'rotates at the first refresh after a login (row 4)': async ({ store, clock }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    assertContains(second, { outcome: 'rotated', row: 4, rollback: false, gen: 2, nowMs: clock.nowMs })
    assert.ok(second.issuedUs > 0, 'the copy has a later time of issue')
  },

  'replays the current token for three grace periods after its confirmation (row 3)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await advance(HOUR)
    await client.confirm(2)
    await advance(3 * GRACE - 1)
    const replay = await client.exchange(second)
    assertContains(
      replay,
      { outcome: 'replayed', row: 3, gen: 2, issuedUs: second.issuedUs },
      'the same copy'
    )
    await advance(1)
    assertContains(await client.exchange(second), { outcome: 'rotated', row: 4, gen: 3 })
  },

  'confirms an unconfirmed generation that is presented during its cooldown (row 3)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await advance(3 * GRACE - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired at that time')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3', 'the cooldown starts at that time too')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4')
  },

  'restarts the cooldown of an unconfirmed generation with each copy (row 3)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const first = await client.exchange(FIRST)
    await advance(HOUR)
    await client.exchange(FIRST)
    await advance(3 * GRACE - 1)
    assert.equal(rowOf(await client.exchange(first)), 'replayed 3', 'any copy is replayed')
    await advance(3 * GRACE)
    assert.equal(rowOf(await client.exchange(first)), 'rotated 4')
  },

  'detects an attacker who stays one generation ahead and rotates before the user confirms': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    let ahead: Token = await client.exchange(FIRST)
    let behind = FIRST
    const refresh = async (token: Token) => {
      const outcome = await client.present(token.gen, token.issuedUs)
      outcomes.push(outcome.outcome)
      return 'issuedUs' in outcome ? { gen: outcome.session.gen, issuedUs: outcome.issuedUs } : token
    }
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      await advance(5 * 60 * SECOND)
      behind = await refresh(behind)
      await advance(100)
      ahead = await refresh(ahead)
      await advance(100)
      await client.confirm(behind.gen)
    }
    assert.ok(outcomes.includes('reused'))
  },

  'rotates an unconfirmed generation after its cooldown (row 4)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await advance(AFTER_COOLDOWN)
    const third = await client.exchange(second)
    assertContains(third, { outcome: 'rotated', row: 4, gen: 3 })
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired when 2 was presented')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  }
}
