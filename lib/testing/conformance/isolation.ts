import assert from 'node:assert/strict'
import { createFamily, sidOf, tagIn } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL_SESSIONS, assertContains } from './assertions.js'
import type { Cases } from './fixture.js'
import { FIRST, TestClient } from './test-client.js'

/** Cases for the isolation of users and concurrent calls. */
export const isolation: Cases = {
  // A user with the tag of another one cannot be found in practice. A store must not depend on it.
  'separates users whose tags are equal': async ({ store }) => {
    const own = await TestClient.login(store)
    const otherSid = tagIn(own.sid) + sidOf(createFamily('another user')).slice(tagIn(own.sid).length)
    const other = await TestClient.login(store, {}, { sid: otherSid })
    await TestClient.login(store, {}, { sub: own.sub, maxPerUser: 1 })
    assert.equal(await store.has(own.sid), false, 'evicted')
    assert.equal((await store.get(other.sid))?.sub, other.sub, 'the other user keeps the session')
    assert.equal((await store.revokeAll(own.sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS)).length, 1)
    assert.equal((await store.get(other.sid))?.sub, other.sub)
    await other.exchange(FIRST)
  },

  'revokes the session in 40 races of refresh and logout': async ({ store }) => {
    for (let i = 0; i < 40; i++) {
      const client = await TestClient.login(store)
      const refresh = () => client.present(1, 0)
      const logout = () => store.revoke([client.sid], 'logout', createIdempotencyKey())
      await Promise.all(i % 2 ? [refresh(), logout(), refresh()] : [logout(), refresh(), logout()])
      for (const gen of [1, 2, 3]) assertContains(await client.present(gen, 0), { outcome: 'revoked' })
      assert.equal(await store.has(client.sid), false)
    }
  }
}
