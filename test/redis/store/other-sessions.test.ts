import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { FIRST, TestClient } from '../../../lib/testing/conformance/test-client.js'
import { createIdempotencyKey } from '../../../lib/utils/random.js'
import { startRedis } from '../../support/redis-server.js'

const CALLS = 50
/** A thousand sessions are 20 kB of session ids, in which a call looks for its own. If it read all, this would be 15. */
const MAX_RATIO = 6

/** Returns the shortest time that Redis needed for a call, in microseconds. */
async function costOf(redis: Redis, call: () => Promise<unknown>): Promise<number> {
  await call()
  await redis.slowlog('RESET')
  for (let i = 0; i < CALLS; i++) await call()
  const entries = (await redis.slowlog('GET', 10 * CALLS)) as [number, number, number, string[]][]
  const durations = entries
    .filter(([, , , [command]]) => /^evalsha$/i.test(command ?? ''))
    .map(([, , us]) => us)
  return Math.min(...durations)
}

/** Returns calls that each concern one session of a user who has so many. */
async function openUser(redis: Redis, count: number): Promise<Record<string, () => Promise<unknown>>> {
  const store = new RedisStore({ redis, keyPrefix: `test:${randomUUID()}:` })
  const login = () => TestClient.login(store, {}, { sub: 'ada', maxPerUser: 2000 })
  const revoked = await login()
  await store.revoke([revoked.sid], 'logout', createIdempotencyKey())
  const clients: TestClient[] = []
  while (clients.length < count) clients.push(await login())
  const client = clients[count >> 1] as TestClient
  const token = await client.exchange(FIRST)
  await client.exchange(token)
  const unknown = `${client.sid.slice(0, -4)}----`
  return {
    'a replay that changes nothing': () => client.exchange(token),
    'a refresh of a revoked session': () => revoked.present(1, 0),
    'a check of a session': () => store.has(client.sid),
    'a check of an unknown session': () => store.has(unknown),
    'a read of a session': () => store.get(client.sid),
    'a read of an unknown session': () => store.get(unknown),
    'a repeated confirmation': () => client.confirm(2)
  }
}

t.test('a call that changes nothing costs Redis about the same for a user with many sessions', async (t) => {
  const redis = (
    await startRedis(t, ['--slowlog-log-slower-than', '0', '--slowlog-max-len', '1000'])
  ).client()
  const [few, many] = [await openUser(redis, 1), await openUser(redis, 1000)]
  for (const [name, call] of Object.entries(few)) {
    const [base, cost] = [await costOf(redis, call), await costOf(redis, many[name] as typeof call)]
    t.ok(cost < MAX_RATIO * base, `${name}: ${base} and ${cost} µs`)
  }
})
