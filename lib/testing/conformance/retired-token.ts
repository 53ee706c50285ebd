import assert from 'node:assert/strict'
import { AFTER_COOLDOWN, assertContains, DAY, GRACE } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, rowOf, TestClient, type Token } from './test-client.js'

/** Cases for retired tokens, rows 5 to 8 of the rotation rule. */
export const retiredToken: Cases = {
  'replays the parent token until the current generation is confirmed (row 6)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await advance(10 * DAY)
    const copy = await client.exchange(FIRST)
    assertContains(copy, { outcome: 'replayed', row: 6, gen: 2 })
    assert.ok(copy.issuedUs > second.issuedUs, 'a new copy')
    await client.confirm(2)
    await advance(GRACE - 1)
    const later = await client.exchange(FIRST)
    assertContains(later, { outcome: 'replayed', row: 7, gen: 2 })
    assert.ok(later.issuedUs > copy.issuedUs)
    await advance(2 * GRACE + 1)
    assertContains(await client.present(1, 0), { outcome: 'reused', row: 8, session: { sid: client.sid } })
  },

  'rejects a retired token with a conflict for two grace periods after its grace period (row 7)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(GRACE)
    assertContains(await client.present(1, 0), {
      outcome: 'conflict',
      row: 7,
      retryAfterMs: 2 * GRACE,
      session: { sid: client.sid, gen: 2 }
    })
    await advance(2 * GRACE - 1)
    assertContains(await client.present(1, 0), { outcome: 'conflict', row: 7, retryAfterMs: 1 })
    assertContains(
      await client.exchange(second),
      { row: 3, issuedUs: second.issuedUs },
      'nothing was changed'
    )
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'starts the grace period of the parent token at the rotation if untilConfirmed is false (row 7)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store, { untilConfirmed: false })
    await client.exchange(FIRST)
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await client.confirm(2)
    await advance(1)
    assertContains(await client.present(1, 0), { outcome: 'conflict', row: 7, retryAfterMs: 2 * GRACE })
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'has no conflicts without a grace period (row 8)': async ({ store }) => {
    const client = await TestClient.login(store, { graceMs: 0 })
    await client.exchange(FIRST)
    await client.confirm(2)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'does not report a token as replayable that is in conflict (row 7)': async ({ store, advance }) => {
    const client = await TestClient.login(store, { reportReplayable: true })
    await client.exchange(FIRST)
    await client.confirm(2)
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayable 7')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
  },

  'detects a diverged copy that would otherwise be in conflict (row 5)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const userCopy = await client.exchange(FIRST)
    const attackerCopy = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(3 * GRACE)
    await client.exchange(userCopy)
    await client.confirm(3)
    await advance(GRACE)
    assert.equal(rowOf(await client.present(2, userCopy.issuedUs)), 'conflict 7')
    assert.equal(rowOf(await client.present(2, attackerCopy.issuedUs)), 'reused 5')
  },

  'replays the grandparent token during its grace period (row 7)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await advance(AFTER_COOLDOWN)
    const third = await client.exchange(second)
    await client.confirm(3)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'replayed 7')
    await advance(AFTER_COOLDOWN)
    await client.exchange(third)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
  },

  'detects diverged copies: a second copy that is presented after the other one was rotated (row 5)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const userCopy = await client.exchange(FIRST)
    const attackerCopy = await client.exchange(FIRST)
    assert.equal(rowOf(attackerCopy), 'replayed 6')
    await client.confirm(2)
    await advance(3 * GRACE)
    await client.exchange(userCopy)
    assertContains(await client.present(2, attackerCopy.issuedUs), { outcome: 'reused', row: 5 })
    assert.equal(
      rowOf(await client.present(2, userCopy.issuedUs)),
      'replayed 6',
      'the rotated copy is replayed'
    )
  },

  'detects diverged copies of the grandparent token (row 5)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const userCopy = await client.exchange(FIRST)
    const attackerCopy = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(3 * GRACE)
    const third = await client.exchange(userCopy)
    await advance(3 * GRACE)
    await client.exchange(third)
    assert.equal(rowOf(await client.present(2, attackerCopy.issuedUs)), 'reused 5')
    assert.equal(rowOf(await client.present(2, userCopy.issuedUs)), 'replayed 7')
  },

  'detects reuse of any older generation (row 8)': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    let token: Token = FIRST
    for (let gen = 1; gen < 5; gen++) {
      token = await client.exchange(token)
      await advance(AFTER_COOLDOWN)
    }
    for (const gen of [1, 2]) assert.equal(rowOf(await client.present(gen, 0)), 'reused 8')
    assert.equal(await store.has(client.sid), true, 'the store does not revoke the session by itself')
    assert.equal(rowOf(await client.present(5, token.issuedUs)), 'rotated 4')
  }
}
