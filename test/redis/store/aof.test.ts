import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { FIRST, TestClient } from '../../../lib/testing/conformance/test-client.js'
import type { Claims } from '../../../types/session.js'
import { startRedis } from '../../support/redis-server.js'

/** Redis does not rewrite the file, and does not wait for the disk, so its size is the sum of what was written so far. */
const APPEND_ONLY = ['--appendonly', 'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0']
const CALLS = 20
const MAX_BYTES = 200

/** Returns how many bytes a call adds to the append-only file. */
async function bytesOf(redis: Redis, call: () => Promise<unknown>): Promise<number> {
  const size = async () => Number(/aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1])
  const before = await size()
  for (let i = 0; i < CALLS; i++) await call()
  return ((await size()) - before) / CALLS
}

t.test('a refresh and a replay write the same few bytes for any number of sessions', async (t) => {
  const redis = (await startRedis(t, [...APPEND_ONLY, '--dir', t.testdir()])).client()
  for (const count of [1, 100]) {
    for (const claims of [{}, { roles: Array.from({ length: 400 }, (_, i) => `role-${i}`) }]) {
      const name = `${count} sessions, ${JSON.stringify(claims).length} bytes of claims`
      const store = new RedisStore({ redis, keyPrefix: `test:${randomUUID()}:` })
      let client: TestClient | undefined
      for (let i = 0; i < count; i++)
        client = await TestClient.login(store, { graceMs: 0 }, { sub: 'ada', claims: claims as Claims })
      const own = client as TestClient
      let token = FIRST
      const rotated = await bytesOf(redis, async () => {
        token = await own.exchange(token)
      })
      t.ok(rotated < MAX_BYTES, `${name}: ${rotated} bytes for a rotation`)
      const parent = token
      await own.exchange(parent)
      const replayed = await bytesOf(redis, () => own.exchange(parent))
      t.ok(replayed < MAX_BYTES, `${name}: ${replayed} bytes for a replay`)
      const rejected = await bytesOf(redis, () => own.present(1, 0))
      t.ok(rejected < 1, `${name}: ${rejected} bytes for a token that counts as reused`)
    }
  }
})

t.test('changes of a session write only its own bytes, and nothing if they change nothing', async (t) => {
  const redis = (await startRedis(t, [...APPEND_ONLY, '--dir', t.testdir()])).client()
  const store = new RedisStore({ redis, keyPrefix: `test:${randomUUID()}:` })
  let sid = ''
  for (let i = 0; i < 100; i++) sid = (await TestClient.login(store, {}, { sub: 'ada' })).sid
  await store.update(sid, { name: 'x'.repeat(64) })
  let count = 0
  const renamed = await bytesOf(redis, () => store.update(sid, { name: `phone ${count++}` }))
  t.ok(renamed < 500, `${renamed} bytes for a name`)
  const unchanged = await bytesOf(redis, () => store.update(sid, { name: `phone ${count - 1}` }))
  t.ok(unchanged < 1, `${unchanged} bytes for the same name`)
})
