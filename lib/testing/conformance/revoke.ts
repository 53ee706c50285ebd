import assert from 'node:assert/strict'
import { operationId } from '../../operation.js'
import { Client, newSession } from './client.js'
import { isLike } from './is-like.js'
import type { Cases } from './subject.js'

/** A session is ended. */
export const revoke: Cases = {
  'gives the session to the first who ends it': async ({ store }) => {
    const client = await Client.login(store)
    const ends = Array.from({ length: 5 }, () => store.revoke(client.sid, 'logout', operationId()))
    const ended = (await Promise.all(ends)).filter((session) => session !== null)
    assert.equal(ended.length, 1)
    isLike(ended[0], { sid: client.sid, sub: client.sub, gen: 1, metadata: { ip: '127.0.0.1' } })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'that comes twice answers the second time as the first': async ({ store }) => {
    const client = await Client.login(store)
    const operation = operationId()
    const first = await store.revoke(client.sid, 'logout', operation)
    isLike(first, { sid: client.sid })
    assert.deepEqual(await store.revoke(client.sid, 'logout', operation), first)
  },

  'of no session changes nothing': async ({ store }) => {
    const given = newSession()
    assert.equal(await store.revoke(given.sid, 'logout', operationId()), null)
    assert.equal((await store.create(given)).outcome, 'created')
  }
}
