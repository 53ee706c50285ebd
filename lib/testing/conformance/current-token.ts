import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { AFTER_REST, HOUR, isLike, SECOND, W } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST, rowOf, type Token } from './test-client.js'

/** Rows 1 to 4: the current token. */
export const currentToken: Cases = {
  'row 1: a session that ended stays ended, and tells why': async ({ store }) => {
    for (const reason of ['logout', 'reuse', 'revoked', 'replaced', 'disabled', 'rollback'] as const) {
      const client = await Client.login(store)
      await store.revoke(client.sid, reason, createIdempotencyKey())
      for (const gen of [1, 2, 3])
        assert.deepEqual(await client.present(gen, 0), { outcome: 'revoked', reason })
    }
  },

  'row 1: what this process knows ends a session that the store still has': async ({ store, clock }) => {
    const client = await Client.login(store)
    const knownRevocation = { reason: 'logout', expiresAtMs: clock.nowMs + HOUR } as const
    assert.deepEqual(await client.present(1, 0, { knownRevocation }), {
      outcome: 'revoked',
      reason: 'logout'
    })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(
      await client.present(1, 0),
      { outcome: 'revoked', reason: 'logout' },
      'it is written again'
    )
  },

  'row 1: what this process knows is written again where the store lost all of it': async ({
    store,
    clock,
    advance
  }) => {
    const client = Client.stranger(store)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
    const knownRevocation = { reason: 'revoked', expiresAtMs: clock.nowMs + HOUR } as const
    await client.present(1, 0, { knownRevocation })
    assert.deepEqual(await client.present(1, 0), { outcome: 'revoked', reason: 'revoked' })
    await advance(HOUR + SECOND)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' }, 'for as long as a token could live')
    const past = { reason: 'revoked', expiresAtMs: 0 } as const
    assert.deepEqual(await client.present(1, 0, { knownRevocation: past }), {
      outcome: 'revoked',
      reason: 'revoked'
    })
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' }, 'nothing is kept of what is over')
  },

  'row 2: a session that nobody began': async ({ store }) => {
    const client = Client.stranger(store)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
    assert.equal(await store.has(client.sid), false, 'and none is made')
  },

  'row 4: the first refresh after a login rotates, at once': async ({ store, clock }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    isLike(second, { outcome: 'rotated', row: 4, rollback: false, gen: 2, nowMs: clock.nowMs })
    assert.ok(second.issuedUs > 0, 'the copy is later than the one before')
  },

  'row 3: a generation rests for three times the grace after it was confirmed': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    await advance(HOUR)
    await client.confirm(2)
    await advance(3 * W - 1)
    const rest = await client.exchange(second)
    isLike(rest, { outcome: 'replayed', row: 3, gen: 2, issuedUs: second.issuedUs }, 'the same copy')
    await advance(1)
    isLike(await client.exchange(second), { outcome: 'rotated', row: 4, gen: 3 })
  },

  'row 3: an unconfirmed one rests from its minting, and is confirmed by being presented': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    await advance(3 * W - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired at that moment')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    await advance(2 * W - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3', 'the rest counts from there, too')
    await advance(1)
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4')
  },

  'row 3: an unconfirmed one rests from its last copy on': async ({ store, advance }) => {
    const client = await Client.login(store)
    const mine = await client.exchange(FIRST)
    await advance(HOUR)
    await client.exchange(FIRST)
    await advance(3 * W - 1)
    assert.equal(rowOf(await client.exchange(mine)), 'replayed 3', 'whichever copy is presented')
    await advance(3 * W)
    assert.equal(rowOf(await client.exchange(mine)), 'rotated 4')
  },

  'who stays a generation ahead, and rotates before the other confirms, is found out': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store)
    let ahead: Token = await client.exchange(FIRST)
    let behind = FIRST
    const go = async (token: Token) => {
      const outcome = await client.present(token.gen, token.issuedUs)
      outcomes.push(outcome.outcome)
      return 'issuedUs' in outcome ? { gen: outcome.session.gen, issuedUs: outcome.issuedUs } : token
    }
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      await advance(5 * 60 * SECOND)
      behind = await go(behind)
      await advance(100)
      ahead = await go(ahead)
      await advance(100)
      await client.confirm(behind.gen)
    }
    assert.ok(outcomes.includes('reused'))
  },

  'row 4: an unconfirmed one whose rest is over rotates from its minting': async ({ store, advance }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    await advance(AFTER_REST)
    const third = await client.exchange(second)
    isLike(third, { outcome: 'rotated', row: 4, gen: 3 })
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'generation 1 retired when 2 was presented')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  }
}
