import assert from 'node:assert/strict'
import { AFTER_COOLDOWN, assertContains, GRACE } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, rowOf, TestClient } from './test-client.js'

/** Cases for tokens that are ahead of the store, rows 9 and 10 of the rotation rule. */
export const rollback: Cases = {
  'accepts a token that is one generation ahead, because a write was lost (row 9)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store)
    const accepted = await client.exchange({ gen: 2, issuedUs: 5 })
    assertContains(accepted, { outcome: 'rotated', row: 9, rollback: true, gen: 3 })
    await advance(GRACE - 1)
    assert.equal(
      rowOf(await client.present(1, 0)),
      'replayed 7',
      'the grace period of generation 1 starts now'
    )
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    assert.equal(rowOf(await client.present(2, 5)), 'replayed 6')
    assertContains(await client.exchange(accepted), { row: 3, gen: 3 })
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'gives the previous token a grace period also if untilConfirmed is false (row 9)': async ({
    store,
    advance
  }) => {
    const client = await TestClient.login(store, { untilConfirmed: false })
    await client.exchange({ gen: 2, issuedUs: 5 })
    await advance(GRACE - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'reports a token that is further ahead, or accepts it if the option allows it (row 10)': async ({
    store
  }) => {
    const client = await TestClient.login(store)
    assertContains(await client.present(3, 0), { outcome: 'rolled-back', row: 10, session: { gen: 1 } })
    assert.equal(rowOf(await client.exchange(FIRST)), 'rotated 4', 'nothing was changed')
    const accepted = await client.exchange({ gen: 9, issuedUs: 7 }, { rollback: 'accept' })
    assertContains(accepted, { outcome: 'rotated', row: 10, rollback: true, gen: 10 })
  },

  'does not rotate the last generation, so that the number never wraps': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const last = await client.exchange({ gen: 2 ** 32 - 2, issuedUs: 0 }, { rollback: 'accept' })
    assert.equal(last.gen, 2 ** 32 - 1)
    await advance(AFTER_COOLDOWN)
    assertContains(await client.present(last.gen, last.issuedUs), {
      outcome: 'exhausted',
      session: { gen: last.gen }
    })
    assert.equal(rowOf(await client.present(last.gen - 1, 0)), 'replayed 6', 'nothing was changed')
    const other = await TestClient.login(store)
    assert.equal(rowOf(await other.present(2 ** 32 - 1, 0, { rollback: 'accept' })), 'exhausted')
  }
}
