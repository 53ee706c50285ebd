import assert from 'node:assert/strict'
import type { Claims } from '../../../types/session.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { DAY, isAbout, isLike, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { begin, beginLater, Client, FIRST, newSession, sidsOf } from './test-client.js'

/** How a session begins. */
export const create: Cases = {
  'gives the session as it began': async ({ store, clock }) => {
    const given = newSession({ metadata: { device: 'phone' }, claims: { a: [1, { b: 'ü' }] } as Claims })
    const { session, nowMs, evicted } = await begin(store, given)
    assert.equal(nowMs, clock.nowMs)
    assert.deepEqual(evicted, [])
    isLike(session, {
      sid: given.sid,
      sub: given.sub,
      gen: 1,
      remember: true,
      claims: given.claims,
      metadata: { ip: '127.0.0.1', device: 'phone' },
      createdAt: new Date(clock.nowMs),
      lastUsedAt: new Date(clock.nowMs),
      endsAt: new Date(clock.nowMs + 90 * DAY)
    })
    isAbout(session.expiresAt, clock.nowMs + 14 * DAY)
    assert.deepEqual({ ...(await store.get(given.sid)), expiresAt: 0 }, { ...session, expiresAt: 0 })
    assert.equal(await store.has(given.sid), true)
  },

  'keeps what an identity brought over what a request brought': async ({ store }) => {
    const { session } = await begin(store, { metadata: { ip: 'mine' }, requestMetadata: { ip: 'theirs' } })
    assert.deepEqual(session.metadata, { ip: 'mine' })
  },

  'takes any subject': async ({ store }) => {
    for (const sub of ['{}', 'a b:c*?[]\\', 'ключ', '\u0000', '__proto__', 'x'.repeat(256)]) {
      const { session } = await begin(store, { sub })
      assert.equal(session.sub, sub)
      assert.deepEqual(sidsOf(await store.list(sub)), [session.sid])
    }
  },

  'evicts the oldest by creation, however it was used since': async ({ store, advance }) => {
    const sub = newSession().sub
    const login = async (days: number) => {
      await advance(SECOND)
      return Client.login(store, {}, { sub, ttlMs: days * DAY, maxPerUser: 3 })
    }
    // The absolute ends are in another order than the beginnings.
    const oldest = await login(30)
    const second = await login(29)
    const third = await login(28)
    await oldest.exchange(FIRST)
    const { evicted, session } = await begin(store, { sub, maxPerUser: 3 })
    assert.deepEqual(
      evicted.map(({ sid, gen }) => [sid, gen]),
      [[oldest.sid, 2]]
    )
    assert.deepEqual(sidsOf(await store.list(sub)), [second.sid, third.sid, session.sid], 'oldest first')
    assert.deepEqual(await oldest.present(2, 1), { outcome: 'revoked', reason: 'evicted' })
  },

  'evicts several where the limit was lowered, and counts only the living': async (subject) => {
    const { store, advance } = subject
    const sub = newSession().sub
    const oldest = await beginLater(subject, sub)
    const ended = await beginLater(subject, sub)
    const third = await beginLater(subject, sub)
    await beginLater(subject, sub)
    await store.revoke(ended, 'logout', createIdempotencyKey())
    const { evicted } = await begin(store, { sub, maxPerUser: 2 })
    assert.deepEqual(sidsOf(evicted), [oldest, third])
    const short = await begin(store, { sub, maxPerUser: 3, ttlMs: 5 * SECOND })
    await advance(6 * SECOND)
    assert.deepEqual(
      (await begin(store, { sub, maxPerUser: 3 })).evicted,
      [],
      'the one that ended makes room'
    )
    assert.equal(await store.get(short.session.sid), null)
  },

  'does not count what it replaces': async (subject) => {
    const { store } = subject
    const sub = newSession().sub
    await beginLater(subject, sub)
    const replaced = await beginLater(subject, sub)
    const { evicted } = await begin(store, { sub, maxPerUser: 2, replaces: [replaced, 'of another user'] })
    assert.deepEqual(evicted, [])
    assert.equal((await store.list(sub)).length, 3, 'it is ended afterwards')
  },

  'that comes twice answers the second time as the first': async ({ store, advance }) => {
    const sub = newSession().sub
    await begin(store, { sub })
    await advance(1)
    const given = newSession({ sub, maxPerUser: 1 })
    const first = await begin(store, given)
    const second = await begin(store, given)
    assert.equal(first.evicted.length, 1)
    assert.deepEqual(sidsOf(second.evicted), sidsOf(first.evicted))
    assert.equal(second.session.sid, first.session.sid)
    assert.equal((await store.list(sub)).length, 1)
  },

  'that comes after its deadline does nothing, unless it came before': async ({ store, advance }) => {
    const sub = newSession().sub
    await begin(store, { sub })
    const deadlineMs = await store.now(sub)
    const given = newSession({ sub, maxPerUser: 2, deadlineMs })
    await begin(store, given)
    await advance(1)
    assert.equal((await begin(store, given)).session.sid, given.sid, 'the same call, once more')
    const late = await store.create(newSession({ sub, maxPerUser: 1, deadlineMs }))
    assert.deepEqual(late, { outcome: 'deadline-exceeded', nowMs: await store.now(sub) })
    assert.equal((await store.list(sub)).length, 2, 'none is evicted')
  },

  'that comes after its revocation makes no session': async ({ store }) => {
    const given = newSession()
    await begin(store, given)
    await store.revoke(given.sid, 'revoked', createIdempotencyKey())
    assert.deepEqual(await store.create(given), { outcome: 'revoked', reason: 'revoked' })
    assert.equal(await store.has(given.sid), false)
  }
}
