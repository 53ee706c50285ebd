import assert from 'node:assert/strict'
import { assertContains } from './assertions.js'
import type { Cases } from './fixture.js'
import { createSession, FIRST, TestClient } from './test-client.js'

/** Cases for session metadata. */
export const metadata: Cases = {
  'replaces request metadata at a rotation only': async ({ store }) => {
    const client = await TestClient.login(store, {}, { metadata: { name: 'laptop' } })
    const rotated = await client.exchange(FIRST, { requestMetadata: { ip: '::1' } })
    assert.deepEqual(rotated.session.metadata, { ip: '::1', name: 'laptop' })
    assertContains(rotated, { previousMetadata: { ip: '127.0.0.1', name: 'laptop' } })
    const replayed = await client.exchange(FIRST, { requestMetadata: { ip: '::2' } })
    assert.deepEqual(replayed.session.metadata, { ip: '::1', name: 'laptop' })
  },

  'keeps request metadata if a refresh has none': async ({ store }) => {
    const client = await TestClient.login(store)
    const { session, ...rotated } = await client.exchange(FIRST)
    assert.deepEqual(session.metadata, { ip: '127.0.0.1' })
    assertContains(rotated, { previousMetadata: { ip: '127.0.0.1' } })
  },

  'returns a copy, so that a change by the caller is not stored': async ({ store }) => {
    const { session } = await createSession(store)
    Object.assign(session.claims, { roles: ['admin'] })
    session.metadata.ip = 'changed'
    const again = await store.get(session.sid)
    assert.deepEqual([again?.claims, again?.metadata], [{ roles: ['reader'] }, { ip: '127.0.0.1' }])
  }
}
