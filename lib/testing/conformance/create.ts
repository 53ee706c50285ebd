import assert from 'node:assert/strict'
import type { Claims } from '../../../types/session.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { assertAbout, assertContains, DAY, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { createLaterSession, createSession, FIRST, newSession, sidsOf, TestClient } from './test-client.js'

/** Cases for the creation of a session. */
export const create: Cases = {
  'returns the created session': async ({ store, clock }) => {
    const input = newSession({ metadata: { device: 'phone' }, claims: { a: [1, { b: 'ü' }] } as Claims })
    const { session, nowMs, evicted } = await createSession(store, input)
    assert.equal(nowMs, clock.nowMs)
    assert.deepEqual(evicted, [])
    assertContains(session, {
      sid: input.sid,
      sub: input.sub,
      gen: 1,
      remember: true,
      claims: input.claims,
      metadata: { ip: '127.0.0.1', device: 'phone' },
      createdAt: new Date(clock.nowMs),
      lastUsedAt: new Date(clock.nowMs),
      absoluteExpiresAt: new Date(clock.nowMs + 90 * DAY)
    })
    assertAbout(session.expiresAt, clock.nowMs + 14 * DAY)
    assert.deepEqual({ ...(await store.get(input.sid)), expiresAt: 0 }, { ...session, expiresAt: 0 })
    assert.equal(await store.has(input.sid), true)
  },

  'prefers the metadata of the identity to that of the request': async ({ store }) => {
    const { session } = await createSession(store, {
      metadata: { ip: 'mine' },
      requestMetadata: { ip: 'theirs' }
    })
    assert.deepEqual(session.metadata, { ip: 'mine' })
  },

  'accepts any string as subject': async ({ store }) => {
    for (const sub of ['{}', 'a b:c*?[]\\', 'ключ', '\u0000', '__proto__', 'x'.repeat(256)]) {
      const { session } = await createSession(store, { sub })
      assert.equal(session.sub, sub)
      assert.deepEqual(sidsOf(await store.list(sub)), [session.sid])
    }
  },

  'evicts the session that was created first, even if it was used since': async ({ store, advance }) => {
    const sub = newSession().sub
    const login = async (days: number) => {
      await advance(SECOND)
      return TestClient.login(store, {}, { sub, ttlMs: days * DAY, maxPerUser: 3 })
    }
    // The absolute lifetimes end in another order than the sessions were created.
    const oldest = await login(30)
    const second = await login(29)
    const third = await login(28)
    await oldest.exchange(FIRST)
    const { evicted, session } = await createSession(store, { sub, maxPerUser: 3 })
    assert.deepEqual(
      evicted.map(({ sid, gen }) => [sid, gen]),
      [[oldest.sid, 2]]
    )
    assert.deepEqual(sidsOf(await store.list(sub)), [second.sid, third.sid, session.sid], 'oldest first')
    assert.deepEqual(await oldest.present(2, 1), { outcome: 'revoked', reason: 'evicted' })
  },

  'evicts several sessions if the limit was lowered, and counts only existing sessions': async (fixture) => {
    const { store, advance } = fixture
    const sub = newSession().sub
    const oldest = await createLaterSession(fixture, sub)
    const revoked = await createLaterSession(fixture, sub)
    const third = await createLaterSession(fixture, sub)
    await createLaterSession(fixture, sub)
    await store.revoke([revoked], 'logout', createIdempotencyKey())
    const { evicted } = await createSession(store, { sub, maxPerUser: 2 })
    assert.deepEqual(sidsOf(evicted), [oldest, third])
    const short = await createSession(store, { sub, maxPerUser: 3, ttlMs: 5 * SECOND })
    await advance(6 * SECOND)
    assert.deepEqual(
      (await createSession(store, { sub, maxPerUser: 3 })).evicted,
      [],
      'the expired session does not count'
    )
    assert.equal(await store.get(short.session.sid), null)
  },

  'does not count the sessions that it replaces': async (fixture) => {
    const { store } = fixture
    const sub = newSession().sub
    await createLaterSession(fixture, sub)
    const replaced = await createLaterSession(fixture, sub)
    const { evicted } = await createSession(store, {
      sub,
      maxPerUser: 2,
      replaces: [replaced, 'of another user']
    })
    assert.deepEqual(evicted, [])
    assert.equal((await store.list(sub)).length, 3, 'the caller revokes it afterwards')
  },

  'creates and evicts nothing at the limit if it must not evict': async (fixture) => {
    const { store, advance } = fixture
    const { sub } = newSession()
    const first = await createLaterSession(fixture, sub)
    const second = await createLaterSession(fixture, sub)
    const before = await store.list(sub)
    const input = newSession({ sub, maxPerUser: 2, evicts: false })
    assert.deepEqual(await store.create(input), { outcome: 'limit-reached', sessions: before })
    assert.equal(await store.has(input.sid), false)
    assert.deepEqual(await store.list(sub), before)
    const allowed = { sub, maxPerUser: 3, evicts: false }
    const third = newSession(allowed)
    await createSession(store, third)
    assert.equal((await createSession(store, third)).session.sid, third.sid, 'the same call again')
    await advance(1)
    const replacing = await createSession(store, { ...allowed, replaces: [first] })
    assert.deepEqual(replacing.evicted, [])
    await store.revoke([first, second], 'logout', createIdempotencyKey())
    await createSession(store, allowed)
    assert.equal((await store.create(newSession(allowed))).outcome, 'limit-reached')
  },

  'returns the same result if it is called again': async ({ store, advance }) => {
    const sub = newSession().sub
    await createSession(store, { sub })
    await advance(1)
    const input = newSession({ sub, maxPerUser: 1 })
    const first = await createSession(store, input)
    const second = await createSession(store, input)
    assert.equal(first.evicted.length, 1)
    assert.deepEqual(sidsOf(second.evicted), sidsOf(first.evicted))
    assert.equal(second.session.sid, first.session.sid)
    assert.equal((await store.list(sub)).length, 1)
  },

  'evicts nothing if a login that evicted nothing is called again': async (fixture) => {
    const { store, advance } = fixture
    const { sub } = newSession()
    const first = await createLaterSession(fixture, sub)
    await advance(1)
    const input = newSession({ sub, maxPerUser: 2 })
    await createSession(store, input)
    await advance(1)
    const third = await createSession(store, { sub, maxPerUser: 5 })
    const again = await createSession(store, input)
    assert.deepEqual(again.evicted, [])
    assert.deepEqual(sidsOf(await store.list(sub)), [first, input.sid, third.session.sid])
  },

  'does nothing after its deadline, unless the session exists': async ({ store, advance }) => {
    const sub = newSession().sub
    await createSession(store, { sub })
    const deadlineMs = await store.now(sub)
    const input = newSession({ sub, maxPerUser: 2, deadlineMs })
    await createSession(store, input)
    await advance(1)
    assert.equal((await createSession(store, input)).session.sid, input.sid, 'the same call again')
    const late = await store.create(newSession({ sub, maxPerUser: 1, deadlineMs }))
    assert.deepEqual(late, { outcome: 'deadline-exceeded', nowMs: await store.now(sub) })
    assert.equal((await store.list(sub)).length, 2, 'no session is evicted')
  },

  'does not create a session that was revoked': async ({ store }) => {
    const input = newSession()
    await createSession(store, input)
    await store.revoke([input.sid], 'revoked', createIdempotencyKey())
    assert.deepEqual(await store.create(input), { outcome: 'revoked', reason: 'revoked' })
    assert.equal(await store.has(input.sid), false)
  }
}
