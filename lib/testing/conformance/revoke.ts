import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL_SESSIONS, assertContains, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { createLaterSession, createSession, newSession, sidsOf, TestClient } from './test-client.js'

/** Cases for the revocation of sessions by their ids. */
export const revoke: Cases = {
  'returns the session to the first of several calls only': async ({ store }) => {
    const client = await TestClient.login(store)
    const calls = Array.from({ length: 5 }, () =>
      store.revoke([client.sid], 'logout', createIdempotencyKey())
    )
    const revoked = (await Promise.all(calls)).flat()
    assert.equal(revoked.length, 1)
    assertContains(revoked[0], { sid: client.sid, sub: client.sub, gen: 1, metadata: { ip: '127.0.0.1' } })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'returns the same result if it is called again with the same idempotency key': async ({ store }) => {
    const client = await TestClient.login(store)
    const idempotencyKey = createIdempotencyKey()
    const first = await store.revoke([client.sid], 'logout', idempotencyKey)
    assert.deepEqual(sidsOf(first), [client.sid])
    assert.deepEqual(await store.revoke([client.sid], 'logout', idempotencyKey), first)
  },

  'changes nothing if the session does not exist': async ({ store }) => {
    const input = newSession()
    assert.deepEqual(await store.revoke([input.sid], 'logout', createIdempotencyKey()), [])
    assert.deepEqual(await store.revoke([], 'logout', createIdempotencyKey()), [])
    assert.equal((await store.create(input)).outcome, 'created')
  },

  'revokes several sessions of a user in one call': async (fixture) => {
    const { store } = fixture
    const first = await TestClient.login(store)
    const { sub } = first
    const kept = await createLaterSession(fixture, sub)
    const third = await createLaterSession(fixture, sub)
    const unknown = newSession({ sub }).sid
    const idempotencyKey = createIdempotencyKey()
    const call = () => store.revoke([third, unknown, first.sid], 'replaced', idempotencyKey)
    const revoked = await call()
    assert.deepEqual(sidsOf(revoked).sort(), [first.sid, third].sort())
    assert.deepEqual(await call(), revoked, 'the same idempotency key returns the same result')
    assert.deepEqual(sidsOf(await store.list(sub)), [kept])
    assertContains(await first.present(1, 0), { outcome: 'revoked', reason: 'replaced' })
    assert.equal((await store.create(newSession({ sub, sid: third }))).outcome, 'revoked')
  },

  'revokes the other sessions if some were revoked before': async ({ store }) => {
    const first = await TestClient.login(store)
    const second = await TestClient.login(store, {}, { sub: first.sub })
    await store.revoke([first.sid], 'reuse', createIdempotencyKey())
    const revoked = await store.revoke([first.sid, second.sid], 'logout', createIdempotencyKey())
    assert.deepEqual(sidsOf(revoked), [second.sid])
    assertContains(await first.present(1, 0), { outcome: 'revoked', reason: 'reuse' })
    assertContains(await second.present(1, 0), { outcome: 'revoked', reason: 'logout' })
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
