import assert from 'node:assert/strict'
import type { Cases } from './fixture.js'
import { begin, Client, FIRST } from './test-client.js'

/** What is kept beside a session. */
export const metadata: Cases = {
  'is replaced by a rotation, and by nothing else': async ({ store }) => {
    const client = await Client.login(store, {}, { metadata: { name: 'laptop' } })
    const rotated = await client.exchange(FIRST, { requestMetadata: { ip: '::1' } })
    assert.deepEqual(rotated.session.metadata, { ip: '::1', name: 'laptop' })
    const replayed = await client.exchange(FIRST, { requestMetadata: { ip: '::2' } })
    assert.deepEqual(replayed.session.metadata, { ip: '::1', name: 'laptop' })
  },

  'a refresh that brings none keeps it': async ({ store }) => {
    const client = await Client.login(store)
    assert.deepEqual((await client.exchange(FIRST)).session.metadata, { ip: '127.0.0.1' })
  },

  'what a caller does to an answer stays with him': async ({ store }) => {
    const { session } = await begin(store)
    Object.assign(session.claims, { roles: ['admin'] })
    session.metadata.ip = 'gone'
    const again = await store.get(session.sid)
    assert.deepEqual([again?.claims, again?.metadata], [{ roles: ['reader'] }, { ip: '127.0.0.1' }])
  }
}
