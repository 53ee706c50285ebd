import assert from 'node:assert/strict'
import { W } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST, newSession, rowOf } from './test-client.js'

/** A client proves to hold a generation. */
export const confirm: Cases = {
  'counts once, for the current generation alone': async ({ store, advance }) => {
    const client = await Client.login(store)
    await client.exchange(FIRST)
    await client.confirm(1)
    await client.confirm(3)
    await advance(W)
    assert.equal(rowOf(await client.present(1, 0)), 'replayed 6')
    await client.confirm(2)
    await advance(W - 1)
    await client.confirm(2)
    await advance(1)
    assert.equal(rowOf(await client.present(1, 0)), 'reused 8')
  },

  'makes no session': async ({ store }) => {
    const { sid } = newSession()
    await store.confirm(sid, 1)
    assert.equal(await store.has(sid), false)
  }
}
