import assert from 'node:assert/strict'
import { AFTER_REST, isLike, W } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST, rowOf } from './test-client.js'

/** Rows 9 and 10: tokens that the store knows nothing of. */
export const tokenAhead: Cases = {
  'row 9: a token ahead by one proves that a write was lost': async ({ store, advance }) => {
    const client = await Client.login(store)
    const adopted = await client.exchange({ gen: 2, issuedUs: 5 })
    isLike(adopted, { outcome: 'rotated', row: 9, rollback: true, gen: 3 })
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7', 'the one before has its grace from now')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    assert.equal(rowOf(await client.present(2, 5)), 'replayed 6')
    isLike(await client.exchange(adopted), { row: 3, gen: 3 })
  },

  'row 9: where untilConfirmed is off, the one before has its grace, too': async ({ store, advance }) => {
    const client = await Client.login(store, { untilConfirmed: false })
    await client.exchange({ gen: 2, issuedUs: 5 })
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'row 10: a token ahead by more is reported, or taken where that is accepted': async ({ store }) => {
    const client = await Client.login(store)
    isLike(await client.present(3, 0), { outcome: 'rolled-back', row: 10, session: { gen: 1 } })
    assert.equal(rowOf(await client.exchange(FIRST)), 'rotated 4', 'which changed nothing')
    const accepted = await client.exchange({ gen: 9, issuedUs: 7 }, { rollback: 'accept' })
    isLike(accepted, { outcome: 'rotated', row: 10, rollback: true, gen: 10 })
  },

  'the last generation ends the session, and never wraps': async ({ store, advance }) => {
    const client = await Client.login(store)
    const last = await client.exchange({ gen: 2 ** 32 - 2, issuedUs: 0 }, { rollback: 'accept' })
    assert.equal(last.gen, 2 ** 32 - 1)
    await advance(AFTER_REST)
    isLike(await client.present(last.gen, last.issuedUs), {
      outcome: 'exhausted',
      session: { gen: last.gen }
    })
    assert.equal(rowOf(await client.present(last.gen - 1, 0)), 'replayed 6', 'nothing was changed')
    const other = await Client.login(store)
    assert.equal(rowOf(await other.present(2 ** 32 - 1, 0, { rollback: 'accept' })), 'exhausted')
  }
}
