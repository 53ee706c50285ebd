import assert from 'node:assert/strict'
import { tagOf } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL_SESSIONS, assertContains } from './assertions.js'
import type { Cases } from './fixture.js'
import { sidsOf, TestClient } from './test-client.js'

/** Cases for the isolation of users and concurrent calls. */
export const isolation: Cases = {
  'separates users whose subject tags are equal': async ({ store }) => {
    // The first two of user-0, user-1, … whose SHA-256 hashes have the same first four bytes.
    const [sub, otherSub] = ['user-20491', 'user-32057'] as const
    assert.deepEqual(tagOf(sub), tagOf(otherSub))
    const own = await TestClient.login(store, {}, { sub })
    const other = await TestClient.login(store, {}, { sub: otherSub })
    assert.deepEqual(sidsOf(await store.list(sub)), [own.sid])
    await TestClient.login(store, {}, { sub, maxPerUser: 1 })
    assert.equal((await store.list(otherSub)).length, 1, 'the other user keeps the session')
    assert.equal((await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL_SESSIONS)).length, 1)
    assert.equal((await store.list(otherSub)).length, 1)
    assert.equal((await store.get(other.sid))?.sub, otherSub)
  },

  'revokes the session in 40 races of refresh and logout': async ({ store }) => {
    for (let i = 0; i < 40; i++) {
      const client = await TestClient.login(store)
      const refresh = () => client.present(1, 0)
      const logout = () => store.revoke(client.sid, 'logout', createIdempotencyKey())
      await Promise.all(i % 2 ? [refresh(), logout(), refresh()] : [logout(), refresh(), logout()])
      for (const gen of [1, 2, 3]) assertContains(await client.present(gen, 0), { outcome: 'revoked' })
      assert.equal(await store.has(client.sid), false)
    }
  }
}
