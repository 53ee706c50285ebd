import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { assertContains, GRACE, HOUR, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { createSession, FIRST, rowOf, TestClient } from './test-client.js'

/** Cases for a new server whose clock is behind. */
export const clockSkew: Cases = {
  'treats stored times in the future as the current time': async ({ store, advance, skew }) => {
    const client = await TestClient.login(store)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(SECOND)
    skew(-2 * HOUR)
    const copy = await client.exchange(FIRST)
    assertContains(copy, { row: 7, gen: 2 })
    assert.ok(copy.issuedUs > second.issuedUs, 'the time of issue still increases')
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'the clamped times were written')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4')
  },

  'revokes all sessions, including those that seem to be created in the future': async ({ store, skew }) => {
    const { session } = await createSession(store)
    skew(-HOUR)
    const createdUntilMs = await store.now(session.sub)
    const revoked = await store.revokeAll(session.sub, 'logout', createIdempotencyKey(), { createdUntilMs })
    assert.equal(revoked.length, 1)
  },

  'rotates a copy of the current generation that the store lost, into a later copy': async ({ store }) => {
    const client = await TestClient.login(store)
    const lost = { gen: 1, issuedUs: 5 * SECOND * 1000 }
    const successor = await client.exchange(lost)
    assertContains(successor, { row: 4, gen: 2 })
    assert.ok(successor.issuedUs > lost.issuedUs)
  },

  'issues a later copy than the one that the store lost': async ({ store }) => {
    const client = await TestClient.login(store)
    const lost = { gen: 2, issuedUs: 5 * SECOND * 1000 }
    assert.equal((await client.exchange(lost)).issuedUs, lost.issuedUs + 1)
  },

  'rewrites times in the future when the current token is replayed': async ({ store, advance, skew }) => {
    const client = await TestClient.login(store)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    skew(-HOUR / 2)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(3 * GRACE)
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4', 'the cooldown started with the replay')
  },

  'does not record a confirmation before the time of issue': async ({ store, advance, skew }) => {
    const client = await TestClient.login(store)
    await advance(HOUR)
    await client.exchange(FIRST)
    skew(-HOUR / 2)
    await client.confirm(2)
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  }
}
