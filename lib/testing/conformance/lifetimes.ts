import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { DAY, HOUR, isAbout, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, FIRST } from './test-client.js'

/** When sessions and what is known of their ends are over. */
export const lifetimes: Cases = {
  'a session ends when it was idle, and each rotation starts that again': async ({
    store,
    clock,
    advance
  }) => {
    const client = await Client.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR })
    await advance(1.5 * HOUR)
    const second = await client.exchange(FIRST)
    isAbout(second.session.expiresAt, clock.nowMs + 2 * HOUR)
    await advance(1.5 * HOUR)
    assert.equal(await store.has(client.sid), true)
    await client.exchange(FIRST)
    await advance(HOUR)
    assert.deepEqual(await client.present(2, second.issuedUs), { outcome: 'unknown' }, 'a replay does not')
    assert.equal(await store.get(client.sid), null)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'no rotation extends the absolute end': async ({ store, clock, advance }) => {
    const endsMs = clock.nowMs + 3 * HOUR
    const client = await Client.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR, ttlMs: 3 * HOUR })
    await advance(1.5 * HOUR)
    const second = await client.exchange(FIRST)
    isAbout(second.session.expiresAt, endsMs)
    assert.equal(second.session.absoluteExpiresAt.getTime(), endsMs)
    await advance(1.5 * HOUR + SECOND)
    assert.deepEqual(await client.present(2, second.issuedUs), { outcome: 'unknown' })
  },

  'a session that is not to be remembered is idle for a day at the most': async ({
    store,
    clock,
    advance
  }) => {
    const client = await Client.login(store, {}, { remember: false })
    isAbout((await store.get(client.sid))?.expiresAt, clock.nowMs + DAY)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    isAbout(second.session.expiresAt, clock.nowMs + DAY)
    assert.equal(second.session.remember, false)
    const brief = await Client.login(store, {}, { remember: false, idleMs: HOUR })
    isAbout((await store.get(brief.sid))?.expiresAt, clock.nowMs + HOUR)
  },

  'the blacklist remembers for as long as a token could have lived': async ({ store, advance }) => {
    const client = await Client.login(store, {}, { idleMs: HOUR })
    await store.revoke(client.sid, 'logout', createIdempotencyKey())
    await advance(HOUR - SECOND)
    assert.deepEqual(await client.present(1, 0), { outcome: 'revoked', reason: 'logout' })
    await advance(2 * SECOND)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
  }
}
