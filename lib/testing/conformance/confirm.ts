import assert from 'node:assert/strict'
import { GRACE } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, newSession, rowOf, TestClient } from './test-client.js'

/** Cases for the confirmation of a generation. */
export const confirm: Cases = {
  'confirms the current generation only, and only once': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    await client.exchange(FIRST)
    await client.confirm(1)
    await client.confirm(3)
    await advance(GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 6')
    await client.confirm(2)
    await advance(GRACE - 1)
    await client.confirm(2)
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'conflict 7')
    await advance(2 * GRACE)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'does not create a session': async ({ store }) => {
    const { sid } = newSession()
    await store.confirm(sid, 1)
    assert.equal(await store.has(sid), false)
  }
}
