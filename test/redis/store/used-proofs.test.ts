import { randomUUID } from 'node:crypto'
import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { FIRST, rowOf, TestClient } from '../../../lib/testing/conformance/test-client.js'
import { startRedis } from '../../support/redis-server.js'
import { keysOf } from '../../support/stores.js'

const server = await startRedis(t)
const proof = { id: 'a proof of 22 characters', rememberMs: 420_000, accessTtlMs: 300_000 }

/** Two processes on one Redis, and the same session in both. */
async function twoProcesses() {
  const keyPrefix = `test:${randomUUID()}:`
  const [first, second] = [1, 2].map(() => new RedisStore({ redis: server.client(), keyPrefix })) as [
    RedisStore,
    RedisStore
  ]
  const client = await TestClient.login(first)
  return { client, sameClient: client.on(second), keyPrefix }
}

t.test('one proof rotates once in all processes together', async (t) => {
  for (let i = 0; i < 20; i++) {
    const { client, sameClient } = await twoProcesses()
    const outcomes = await Promise.all([client, sameClient].map((own) => own.present(1, 0, { proof })))
    t.same(outcomes.map(rowOf).sort(), ['proof-used', 'rotated 4'])
  }
})

t.test('a captured request that is replayed to another process does not count as reuse', async (t) => {
  const { client, sameClient } = await twoProcesses()
  await client.exchange(FIRST, { proof, graceMs: 0 })
  await client.confirm(2)
  t.same(await sameClient.present(1, 0, { proof, graceMs: 0 }), { outcome: 'proof-used' })
  t.equal(rowOf(await sameClient.present(1, 0, { graceMs: 0 })), 'reused 8', 'and without the proof it does')
})

t.test('the record of a proof expires, and contains neither the proof nor a token', async (t) => {
  const { client, keyPrefix } = await twoProcesses()
  const idempotencyKey = 'the-call'
  await client.exchange(FIRST, { proof, idempotencyKey })
  const redis = server.client()
  const keys = await keysOf(redis, `${keyPrefix}*:j:*`)
  t.equal(keys.length, 1)
  const [key] = keys as [string]
  t.ok(key.endsWith(proof.id))
  t.equal(await redis.get(key), idempotencyKey)
  const ttl = await redis.pttl(key)
  t.ok(ttl > 0 && ttl <= proof.rememberMs)
})

t.test('an unbound refresh leaves no record', async (t) => {
  const { client, keyPrefix } = await twoProcesses()
  await client.exchange(FIRST)
  t.same(await keysOf(server.client(), `${keyPrefix}*:j:*`), [])
})

t.test('a proof is recorded even if the session does not exist', async (t) => {
  const keyPrefix = `test:${randomUUID()}:`
  const store = new RedisStore({ redis: server.client(), keyPrefix })
  const client = TestClient.withoutSession(store)
  t.same(await client.present(1, 0, { proof }), { outcome: 'unknown' })
  t.equal((await keysOf(server.client(), `${keyPrefix}*:j:*`)).length, 1)
})

// The server ends with this test file.
t.end()
