import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { HOUR, isLike, SECOND, W } from './assertions.js'
import type { Cases } from './fixture.js'
import { begin, Client, FIRST, rowOf } from './test-client.js'

/** A new server whose clock is behind. */
export const clockSetBack: Cases = {
  'takes stored times that lie ahead as now, and goes on from there': async ({ store, advance, skew }) => {
    const client = await Client.login(store)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(SECOND)
    skew(-2 * HOUR)
    const copy = await client.exchange(FIRST)
    isLike(copy, { row: 7, gen: 2 })
    assert.ok(copy.issuedUs > second.issuedUs, 'copies still increase')
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'the clamped times were written')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    await advance(2 * W - 1)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(1)
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4')
  },

  'does not spare a session from the end of all that there are': async ({ store, skew }) => {
    const { session } = await begin(store)
    skew(-HOUR)
    const createdUntilMs = await store.now(session.sub)
    const ended = await store.revokeAll(session.sub, 'logout', createIdempotencyKey(), { createdUntilMs })
    assert.equal(ended.length, 1)
  },

  'gives a copy that is later than one that the store had lost': async ({ store }) => {
    const client = await Client.login(store)
    const lost = { gen: 2, issuedUs: 5 * SECOND * 1000 }
    assert.equal((await client.exchange(lost)).issuedUs, lost.issuedUs + 1)
  },

  'rewrites what lies ahead when the current token is replayed': async ({ store, advance, skew }) => {
    const client = await Client.login(store)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    skew(-HOUR / 2)
    assert.equal(rowOf(await client.exchange(second)), 'replayed 3')
    await advance(3 * W)
    assert.equal(rowOf(await client.exchange(second)), 'rotated 4', 'the rest began with the replay')
  },

  'a confirmation is not earlier than the minting': async ({ store, advance, skew }) => {
    const client = await Client.login(store)
    await advance(HOUR)
    await client.exchange(FIRST)
    skew(-HOUR / 2)
    await client.confirm(2)
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  }
}
