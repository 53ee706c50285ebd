import assert from 'node:assert/strict'
import { tagOf } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { ALL, isLike } from './assertions.js'
import type { Cases } from './fixture.js'
import { Client, sidsOf } from './test-client.js'

/** What does not touch each other. */
export const strangers: Cases = {
  'users whose tags are the same are strangers': async ({ store }) => {
    // The first two of user-0, user-1, … for which the first four bytes of SHA-256 agree.
    const [sub, stranger] = ['user-20491', 'user-32057'] as const
    assert.deepEqual(tagOf(sub), tagOf(stranger))
    const own = await Client.login(store, {}, { sub })
    const other = await Client.login(store, {}, { sub: stranger })
    assert.deepEqual(sidsOf(await store.list(sub)), [own.sid])
    await Client.login(store, {}, { sub, maxPerUser: 1 })
    assert.equal((await store.list(stranger)).length, 1, 'nor evicted')
    assert.equal((await store.revokeAll(sub, 'revoked', createIdempotencyKey(), ALL)).length, 1)
    assert.equal((await store.list(stranger)).length, 1)
    assert.equal((await store.get(other.sid))?.sub, stranger)
  },

  '40 races of a refresh against a logout: the session never lives on': async ({ store }) => {
    for (let i = 0; i < 40; i++) {
      const client = await Client.login(store)
      const refresh = () => client.present(1, 0)
      const logout = () => store.revoke(client.sid, 'logout', createIdempotencyKey())
      await Promise.all(i % 2 ? [refresh(), logout(), refresh()] : [logout(), refresh(), logout()])
      for (const gen of [1, 2, 3]) isLike(await client.present(gen, 0), { outcome: 'revoked' })
      assert.equal(await store.has(client.sid), false)
    }
  }
}
