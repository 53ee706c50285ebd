import assert from 'node:assert/strict'
import { createIdempotencyKey } from '../../utils/random.js'
import { assertAbout, DAY, HOUR, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, TestClient } from './test-client.js'

/** Cases for the lifetimes of sessions and denylist entries. */
export const lifetimes: Cases = {
  'expires an idle session, and restarts the idle timeout at each rotation': async ({
    store,
    clock,
    advance
  }) => {
    const client = await TestClient.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR })
    await advance(1.5 * HOUR)
    const second = await client.exchange(FIRST)
    assertAbout(second.session.expiresAt, clock.nowMs + 2 * HOUR)
    await advance(1.5 * HOUR)
    assert.equal(await store.has(client.sid), true)
    await client.exchange(FIRST)
    await advance(HOUR)
    assert.deepEqual(
      await client.present(2, second.issuedUs),
      { outcome: 'unknown' },
      'a replay does not restart the idle timeout'
    )
    assert.equal(await store.get(client.sid), null)
    assert.deepEqual(await store.list(client.sub), [])
  },

  'does not extend the absolute lifetime by a rotation': async ({ store, clock, advance }) => {
    const absoluteExpiryMs = clock.nowMs + 3 * HOUR
    const client = await TestClient.login(store, { idleMs: 2 * HOUR }, { idleMs: 2 * HOUR, ttlMs: 3 * HOUR })
    await advance(1.5 * HOUR)
    const second = await client.exchange(FIRST)
    assertAbout(second.session.expiresAt, absoluteExpiryMs)
    assert.equal(second.session.absoluteExpiresAt.getTime(), absoluteExpiryMs)
    await advance(1.5 * HOUR + SECOND)
    assert.deepEqual(await client.present(2, second.issuedUs), { outcome: 'unknown' })
  },

  'limits the idle timeout to one day if remember is false': async ({ store, clock, advance }) => {
    const client = await TestClient.login(store, {}, { remember: false })
    assertAbout((await store.get(client.sid))?.expiresAt, clock.nowMs + DAY)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    assertAbout(second.session.expiresAt, clock.nowMs + DAY)
    assert.equal(second.session.remember, false)
    const brief = await TestClient.login(store, {}, { remember: false, idleMs: HOUR })
    assertAbout((await store.get(brief.sid))?.expiresAt, clock.nowMs + HOUR)
  },

  'uses the idle timeout of the session if it is shorter': async ({ store, clock, advance }) => {
    const client = await TestClient.login(store, {}, { ownIdleMs: 2 * HOUR })
    assertAbout((await store.get(client.sid))?.expiresAt, clock.nowMs + 2 * HOUR)
    await advance(HOUR)
    const second = await client.exchange(FIRST)
    assertAbout(second.session.expiresAt, clock.nowMs + 2 * HOUR)
    await store.update(client.sid, { name: 'kiosk' })
    await client.confirm(2)
    await advance(HOUR)
    const third = await client.exchange(second, { idleMs: HOUR })
    assertAbout(third.session.expiresAt, clock.nowMs + HOUR)
    const unlimited = await TestClient.login(store, {}, { ownIdleMs: 30 * DAY })
    assertAbout((await store.get(unlimited.sid))?.expiresAt, clock.nowMs + 14 * DAY)
    const session = await TestClient.login(store, {}, { ownIdleMs: 2 * DAY, remember: false })
    assertAbout((await store.get(session.sid))?.expiresAt, clock.nowMs + DAY)
    await advance(HOUR)
    assertAbout((await session.exchange(FIRST)).session.expiresAt, clock.nowMs + DAY)
  },

  'keeps a denylist entry as long as a token could be valid': async ({ store, advance }) => {
    const client = await TestClient.login(store, {}, { idleMs: HOUR })
    await store.revoke([client.sid], 'logout', createIdempotencyKey())
    await advance(HOUR - SECOND)
    assert.deepEqual(await client.present(1, 0), { outcome: 'revoked', reason: 'logout' })
    await advance(2 * SECOND)
    assert.deepEqual(await client.present(1, 0), { outcome: 'unknown' })
  }
}
