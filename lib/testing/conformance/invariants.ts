import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { assertContains, DAY } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, rowOf, TestClient } from './test-client.js'

/** Cases that hold for every row of the rotation rule. */
export const invariants: Cases = {
  'rotates at every refresh and detects reuse immediately if graceMs is 0': async ({ store, advance }) => {
    const client = await TestClient.login(store, { graceMs: 0, untilConfirmed: false })
    const second = await client.exchange(FIRST)
    const third = await client.exchange(second)
    assert.deepEqual([second.gen, third.gen], [2, 3])
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
    const unconfirmed = await TestClient.login(store, { graceMs: 0 })
    await unconfirmed.exchange(FIRST)
    await advance(DAY)
    assert.equal(
      rowOf(await unconfirmed.present(1, 0)),
      'replayed 6',
      'an unconfirmed successor keeps the parent valid'
    )
  },

  'reports a replayable token without a change if reportReplayable is true': async ({ store }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    const rule = { reportReplayable: true }
    assertContains(await client.present(1, 0, rule), { outcome: 'replayable', row: 6, session: { gen: 2 } })
    await client.confirm(2)
    assertContains(await client.present(1, 0, rule), { outcome: 'replayable', row: 7 })
    assert.equal(
      rowOf(await client.present(2, second.issuedUs, rule)),
      'replayed 3',
      'the current token is replayed'
    )
  },

  'returns the same rotation if it is called again with the same idempotency key': async ({ store }) => {
    for (const [gen, row] of [
      [1, 4],
      [2, 9]
    ] as const) {
      const client = await TestClient.login(store)
      const idempotencyKey = createIdempotencyKey()
      const first = await client.exchange({ gen, issuedUs: 0 }, { idempotencyKey })
      const copy = await client.exchange({ gen, issuedUs: 0 })
      assert.equal(rowOf(copy), 'replayed 6')
      const second = await client.exchange({ gen, issuedUs: 0 }, { idempotencyKey })
      assertContains(second, { outcome: 'rotated', row, rollback: row === 9, gen: gen + 1 })
      assert.equal(second.issuedUs, first.issuedUs, 'the same copy')
    }
  },

  'issues copies at strictly increasing times, even within one microsecond': async ({ store }) => {
    const client = await TestClient.login(store)
    const times = []
    for (let i = 0; i < 5; i++) times.push((await client.exchange(FIRST)).issuedUs)
    assert.deepEqual(times, [1, 2, 3, 4, 5])
  },

  'rotates once and replays 49 times if one token is presented 50 times at once': async ({ store }) => {
    const client = await TestClient.login(store)
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => client.present(1, 0)))
    const rows = outcomes.map(rowOf)
    assert.equal(rows.filter((row) => row === 'rotated 4').length, 1)
    assert.equal(rows.filter((row) => row === 'replayed 6').length, 49)
    assert.equal((await store.get(client.sid))?.gen, 2)
  }
}
