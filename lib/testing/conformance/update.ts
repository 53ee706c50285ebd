import assert from 'node:assert/strict'
import type { Claims } from '../../../types/session.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { assertContains, DAY, HOUR, SECOND } from './assertions.js'
import type { Cases } from './fixture.js'
import { createSession, FIRST, newSession, sidsOf, TestClient } from './test-client.js'

const admin = { roles: ['admin'] } as Claims

/** Cases for `update`. */
export const update: Cases = {
  'replaces what the change names, and keeps the rest': async ({ store }) => {
    const client = await TestClient.login(
      store,
      {},
      { metadata: { app: 'notes' }, authentication: { acr: 'one', amr: ['pwd'] } }
    )
    const before = await store.get(client.sid)
    const renamed = await store.update(client.sid, { name: 'Küche "1"\\' })
    assert.deepEqual(renamed, { ...before, name: 'Küche "1"\\' })
    const promoted = await store.update(client.sid, { claims: admin })
    assert.deepEqual(promoted, { ...renamed, claims: admin })
    assert.deepEqual(await store.get(client.sid), promoted)
    const unnamed = await store.update(client.sid, { name: null, claims: {} as Claims })
    assert.deepEqual(unnamed, { ...before, claims: {} })
    assert.deepEqual(await store.update(client.sid, {}), unnamed)
    assertContains((await client.exchange(FIRST)).session, {
      name: null,
      claims: {},
      acr: 'one',
      amr: ['pwd']
    })
  },

  'records an authentication with its time': async ({ store, clock, advance }) => {
    const client = await TestClient.login(store)
    const created = await store.get(client.sid)
    assertContains(created, { authenticatedAt: created?.createdAt, acr: null, amr: [] })
    await advance(HOUR)
    const elevated = await store.update(client.sid, { authentication: { acr: 'two', amr: ['pwd', 'otp'] } })
    const authenticatedAt = new Date(Math.floor(clock.nowMs))
    assertContains(elevated, { authenticatedAt, acr: 'two', amr: ['pwd', 'otp'] })
    await advance(SECOND)
    assertContains(await store.update(client.sid, { name: 'phone' }), { authenticatedAt, acr: 'two' })
    assertContains((await client.exchange(FIRST)).session, {
      authenticatedAt,
      acr: 'two',
      amr: ['pwd', 'otp']
    })
    await advance(SECOND)
    assertContains(await store.update(client.sid, { authentication: {} }), {
      authenticatedAt: new Date(Math.floor(clock.nowMs)),
      acr: null,
      amr: []
    })
  },

  'counts an authentication at the login from the creation': async ({ store }) => {
    const { session } = await createSession(store, { authentication: { amr: ['pwd'] } })
    assertContains(session, { authenticatedAt: session.createdAt, acr: null, amr: ['pwd'] })
    assert.deepEqual(await store.get(session.sid), session)
  },

  'changes neither the rotation rule nor the lifetimes': async ({ store, advance }) => {
    const client = await TestClient.login(store)
    const second = await client.exchange(FIRST)
    await client.confirm(2)
    await advance(SECOND)
    const change = { claims: { roles: Array.from({ length: 100 }, () => 'role') } as Claims, name: 'laptop' }
    const { expiresAt } = (await store.get(client.sid)) ?? {}
    assertContains(await store.update(client.sid, change), { gen: 2, expiresAt })
    assertContains(await client.present(2, second.issuedUs), { outcome: 'replayed', row: 3 })
    assertContains(await client.present(1, 0), { outcome: 'replayed', row: 7 })
    await advance(DAY)
    assertContains(await client.present(1, 0), { outcome: 'reused', row: 8 })
  },

  'changes one session only': async ({ store }) => {
    const { sub } = newSession()
    const sids: string[] = []
    for (let i = 0; i < 7; i++)
      sids.push((await createSession(store, { sub, requestMetadata: { i } })).session.sid)
    const before = await store.list(sub)
    const name = 'x'.repeat(64)
    await store.update(sids[3] as string, { name, claims: admin })
    const after = await store.list(sub)
    assert.deepEqual(sidsOf(after), sidsOf(before))
    assert.deepEqual(
      after,
      before.map((session, i) => (i === 3 ? { ...session, name, claims: admin } : session))
    )
  },

  'returns null without an active session': async ({ store, advance }) => {
    const unknown = newSession().sid
    assert.equal(await store.update(unknown, { name: 'phone' }), null)
    const revoked = await createSession(store)
    await store.revoke([revoked.session.sid], 'logout', createIdempotencyKey())
    assert.equal(await store.update(revoked.session.sid, { name: 'phone' }), null)
    const expired = await createSession(store, { ttlMs: HOUR })
    await advance(HOUR)
    assert.equal(await store.update(expired.session.sid, { name: 'phone' }), null)
    assert.equal(await store.get(expired.session.sid), null)
  }
}
