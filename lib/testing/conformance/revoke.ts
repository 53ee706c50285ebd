import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL_SESSIONS, assertContains, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { createLaterSession, createSession, newSession, sidsOf, TestClient } from './test-client.js'

/** Cases for the revocation of one session. */
export const revoke: Cases = {
  'returns the session to the first of several calls only': async ({ store }) => {
    const client = await TestClient.login(store)
    const calls = Array.from({ length: 5 }, () => store.revoke(client.sid, 'logout', createIdempotencyKey()))
    const revoked = (await Promise.all(calls)).filter((session) => session !== null)
    assert.equal(revoked.length, 1)
    assertContains(revoked[0], { sid: client.sid, sub: client.sub, gen: 1, metadata: { ip: '127.0.0.1' } })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'returns the same result if it is called again with the same idempotency key': async ({ store }) => {
    const client = await TestClient.login(store)
    const idempotencyKey = createIdempotencyKey()
    const first = await store.revoke(client.sid, 'logout', idempotencyKey)
    assertContains(first, { sid: client.sid })
    assert.deepEqual(await store.revoke(client.sid, 'logout', idempotencyKey), first)
  },

  'changes nothing if the session does not exist': async ({ store }) => {
    const input = newSession()
    assert.equal(await store.revoke(input.sid, 'logout', createIdempotencyKey()), null)
    assert.equal((await store.create(input)).outcome, 'created')
  }
}

/** Cases for the revocation of all sessions of a user. */
export const revokeAll: Cases = {
  'revokes all sessions of one user except one': async (fixture) => {
    const { store } = fixture
    const sub = newSession().sub
    const first = await createLaterSession(fixture, sub)
    const kept = await createLaterSession(fixture, sub)
    const third = await createLaterSession(fixture, sub)
    const other = await createSession(store)
    const revoked = await store.revokeAll(sub, 'revoked', createIdempotencyKey(), {
      except: kept,
      ...ALL_SESSIONS
    })
    assert.deepEqual(sidsOf(revoked).sort(), [first, third].sort())
    assert.deepEqual(sidsOf(await store.list(sub)), [kept])
    assert.equal(await store.has(other.session.sid), true)
    assert.equal((await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS)).length, 1)
    assert.deepEqual(await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS), [])
  },

  'keeps sessions that were created after the call': async ({ store, clock, advance }) => {
    const sub = newSession().sub
    const old = await createSession(store, { sub })
    await advance(5 * SECOND)
    const filter = { createdUntilMs: clock.nowMs - SECOND }
    assert.equal(await store.now(sub), clock.nowMs)
    const recent = await createSession(store, { sub })
    await advance(SECOND)
    const revoked = await store.revokeAll(sub, 'logout', createIdempotencyKey(), filter)
    assert.deepEqual(sidsOf(revoked), [old.session.sid])
    assert.deepEqual(sidsOf(await store.list(sub)), [recent.session.sid])
  },

  'returns the same result if it is called again with the same idempotency key': async ({ store }) => {
    const { session } = await createSession(store)
    const idempotencyKey = createIdempotencyKey()
    const first = await store.revokeAll(session.sub, 'logout', idempotencyKey, ALL_SESSIONS)
    assert.equal(first.length, 1)
    assert.deepEqual(await store.revokeAll(session.sub, 'logout', idempotencyKey, ALL_SESSIONS), first)
  }
}
