import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL, isLike, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { begin, beginLater, Client, newSession, sidsOf } from './test-client.js'

/** A session is ended. */
export const revoke: Cases = {
  'gives the session to the first who ends it': async ({ store }) => {
    const client = await Client.login(store)
    const ends = Array.from({ length: 5 }, () => store.revoke(client.sid, 'logout', createIdempotencyKey()))
    const ended = (await Promise.all(ends)).filter((session) => session !== null)
    assert.equal(ended.length, 1)
    isLike(ended[0], { sid: client.sid, sub: client.sub, gen: 1, metadata: { ip: '127.0.0.1' } })
    assert.equal(await store.has(client.sid), false)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'that comes twice answers the second time as the first': async ({ store }) => {
    const client = await Client.login(store)
    const operation = createIdempotencyKey()
    const first = await store.revoke(client.sid, 'logout', operation)
    isLike(first, { sid: client.sid })
    assert.deepEqual(await store.revoke(client.sid, 'logout', operation), first)
  },

  'of no session changes nothing': async ({ store }) => {
    const given = newSession()
    assert.equal(await store.revoke(given.sid, 'logout', createIdempotencyKey()), null)
    assert.equal((await store.create(given)).outcome, 'created')
  }
}

/** All of a user's sessions are ended. */
export const revokeAll: Cases = {
  "ends all of a user's sessions but one, and nobody else's": async (subject) => {
    const { store } = subject
    const sub = newSession().sub
    const first = await beginLater(subject, sub)
    const spared = await beginLater(subject, sub)
    const third = await beginLater(subject, sub)
    const other = await begin(store)
    const ended = await store.revokeAll(sub, 'revoked', createIdempotencyKey(), { except: spared, ...ALL })
    assert.deepEqual(sidsOf(ended).sort(), [first, third].sort())
    assert.deepEqual(sidsOf(await store.list(sub)), [spared])
    assert.equal(await store.has(other.session.sid), true)
    assert.equal((await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL)).length, 1)
    assert.deepEqual(await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL), [])
  },

  'spares what began since it was called': async ({ store, clock, advance }) => {
    const sub = newSession().sub
    const old = await begin(store, { sub })
    await advance(5 * SECOND)
    const until = { createdUntilMs: clock.nowMs - SECOND }
    assert.equal(await store.now(sub), clock.nowMs)
    const recent = await begin(store, { sub })
    await advance(SECOND)
    const ended = await store.revokeAll(sub, 'logout', createIdempotencyKey(), until)
    assert.deepEqual(sidsOf(ended), [old.session.sid])
    assert.deepEqual(sidsOf(await store.list(sub)), [recent.session.sid])
  },

  'that comes twice answers the second time as the first': async ({ store }) => {
    const { session } = await begin(store)
    const operation = createIdempotencyKey()
    const first = await store.revokeAll(session.sub, 'logout', operation, ALL)
    assert.equal(first.length, 1)
    assert.deepEqual(await store.revokeAll(session.sub, 'logout', operation, ALL), first)
  }
}
