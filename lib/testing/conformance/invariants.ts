import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { DAY, isLike } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST, rowOf } from './test-client.js'

/** What holds for every row. */
export const everyRow: Cases = {
  'without grace every refresh rotates, and a retired token is reuse at once': async ({ store, advance }) => {
    const client = await Client.login(store, { graceMs: 0, untilConfirmed: false })
    const second = await client.exchange(FIRST)
    const third = await client.exchange(second)
    assert.deepEqual([second.gen, third.gen], [2, 3])
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
    const patient = await Client.login(store, { graceMs: 0 })
    await patient.exchange(FIRST)
    await advance(DAY)
    assert.equal(rowOf(await patient.present(1, 0)), 'replayed 6', 'unless it is unconfirmed')
  },

  'asks before it replays a retired token, and then has changed nothing': async ({ store }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    const ask = { reportReplayable: true }
    isLike(await client.present(1, 0, ask), { outcome: 'replayable', row: 6, session: { gen: 2 } })
    await client.confirm(2)
    isLike(await client.present(1, 0, ask), { outcome: 'replayable', row: 7 })
    assert.equal(
      rowOf(await client.present(2, second.issuedUs, ask)),
      'replayed 3',
      'the current one is not asked for'
    )
  },

  'a rotation that comes twice answers the second time as the first': async ({ store }) => {
    for (const [gen, row] of [
      [1, 4],
      [2, 9]
    ] as const) {
      const client = await Client.login(store)
      const idempotencyKey = createIdempotencyKey()
      const first = await client.exchange({ gen, issuedUs: 0 }, { idempotencyKey })
      const copy = await client.exchange({ gen, issuedUs: 0 })
      assert.equal(rowOf(copy), 'replayed 6')
      const second = await client.exchange({ gen, issuedUs: 0 }, { idempotencyKey })
      isLike(second, { outcome: 'rotated', row, rollback: row === 9, gen: gen + 1 })
      assert.equal(second.issuedUs, first.issuedUs, 'the very same copy')
    }
  },

  'copies are issued at strictly increasing times, also within one microsecond': async ({ store }) => {
    const client = await Client.login(store)
    const times = []
    for (let i = 0; i < 5; i++) times.push((await client.exchange(FIRST)).issuedUs)
    assert.deepEqual(times, [1, 2, 3, 4, 5])
  },

  '50 at once with one token: one rotation, and all are answered': async ({ store }) => {
    const client = await Client.login(store)
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => client.present(1, 0)))
    const rows = outcomes.map(rowOf)
    assert.equal(rows.filter((row) => row === 'rotated 4').length, 1)
    assert.equal(rows.filter((row) => row === 'replayed 6').length, 49)
    assert.equal((await store.get(client.sid))?.gen, 2)
  }
}
