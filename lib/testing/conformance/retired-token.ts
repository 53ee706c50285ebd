import assert from 'node:assert/strict'
import { AFTER_REST, DAY, isLike, W } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST, rowOf, type Token } from './test-client.js'

/** Rows 5 to 8: tokens that have a successor. */
export const retiredToken: Cases = {
  'row 6: the parent is good until the current one is confirmed, however late': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    await advance(10 * DAY)
    const copy = await client.exchange(FIRST)
    isLike(copy, { outcome: 'replayed', row: 6, gen: 2 })
    assert.ok(copy.issuedUs > second.issuedUs, 'a new copy')
    await client.confirm(2)
    await advance(W - 1)
    const later = await client.exchange(FIRST)
    isLike(later, { outcome: 'replayed', row: 7, gen: 2 })
    assert.ok(later.issuedUs > copy.issuedUs)
    await advance(1)
    isLike(await client.present(1, 0), { outcome: 'reused', row: 8, session: { sid: client.sid } })
  },

  'row 6: not where untilConfirmed is off: then retirement counts from the minting': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store, { untilConfirmed: false })
    await client.exchange(FIRST)
    await advance(W - 1)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    await client.confirm(2)
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'row 7: the grandparent has its grace, too; any older one has none': async ({ store, advance }) => {
    const client = await Client.login(store)
    const second = await client.exchange(FIRST)
    await advance(AFTER_REST)
    const third = await client.exchange(second)
    await client.confirm(3)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 7')
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'replayed 7')
    await advance(AFTER_REST)
    await client.exchange(third)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
    assert.equal(rowOf(await client.present(2, second.issuedUs)), 'reused 8')
  },

  'row 5: two jars: another copy than the one that was rotated, long after it was issued': async ({
    store,
    advance
  }) => {
    const client = await Client.login(store)
    const mine = await client.exchange(FIRST)
    const thiefs = await client.exchange(FIRST)
    assert.equal(rowOf(thiefs), 'replayed 6')
    await client.confirm(2)
    await advance(3 * W)
    await client.exchange(mine)
    isLike(await client.present(2, thiefs.issuedUs), { outcome: 'reused', row: 5 })
    assert.equal(rowOf(await client.present(2, mine.issuedUs)), 'replayed 6', 'not the copy that was rotated')
  },

  'row 5: of the grandparent, too': async ({ store, advance }) => {
    const client = await Client.login(store)
    const mine = await client.exchange(FIRST)
    const thiefs = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(3 * W)
    const third = await client.exchange(mine)
    await advance(3 * W)
    await client.exchange(third)
    assert.equal(rowOf(await client.present(2, thiefs.issuedUs)), 'reused 5')
    assert.equal(rowOf(await client.present(2, mine.issuedUs)), 'replayed 7')
  },

  'row 8: any older generation': async ({ store, advance }) => {
    const client = await Client.login(store)
    let token: Token = FIRST
    for (let gen = 1; gen < 5; gen++) {
      token = await client.exchange(token)
      await advance(AFTER_REST)
    }
    for (const gen of [1, 2]) assert.equal(rowOf(await client.present(gen, 0)), 'reused 8')
    assert.equal(await store.has(client.sid), true, 'which changes nothing by itself')
    assert.equal(rowOf(await client.present(5, token.issuedUs)), 'rotated 4')
  }
}
