import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { RedisClient } from '../../../../../lib/index.js'
import { reconnectClient } from '../../../../../lib/store/redis/failover/client-connection.js'

function mockClock(t: Test) {
  const clock = { nowMs: 1_000_000 }
  const now = mock.method(performance, 'now', () => clock.nowMs)
  t.teardown(() => now.mock.restore())
  return clock
}

function createClient(properties: Partial<RedisClient> = {}) {
  const calls: boolean[] = []
  const client: RedisClient = {
    evalsha: async () => {},
    eval: async () => {},
    duplicate: () => {},
    status: 'ready',
    options: { retryStrategy: () => 100 },
    disconnect: (reconnect) => calls.push(reconnect),
    ...properties
  }
  return { client, calls }
}

t.test('reconnects a client that is ready and connects again', async (t) => {
  const { client, calls } = createClient()
  t.equal(reconnectClient(client), true)
  t.same(calls, [true])
})

t.test('reconnects a client with Sentinel that retries without end', async (t) => {
  const retry = () => 100
  const { client } = createClient({
    options: { retryStrategy: retry, sentinels: [], sentinelRetryStrategy: retry }
  })
  t.equal(reconnectClient(client), true)
})

t.test('does nothing to a client that might not connect again', async (t) => {
  const unsuitable: Partial<RedisClient>[] = [
    { isCluster: true },
    { status: 'connecting' },
    { status: 'reconnecting' },
    { options: { retryStrategy: null } },
    { options: { retryStrategy: () => null } },
    { options: { retryStrategy: () => 100, sentinels: [], sentinelRetryStrategy: null } },
    { options: {} }
  ]
  for (const properties of unsuitable) {
    const { client, calls } = createClient(properties)
    t.equal(reconnectClient(client), false, JSON.stringify(properties))
    t.same(calls, [])
  }
  const { evalsha, eval: run, duplicate } = createClient().client
  t.equal(reconnectClient({ evalsha, eval: run, duplicate }), false, 'a client without these members')
})

t.test('waits longer after each attempt, and starts again after a quiet minute', async (t) => {
  const clock = mockClock(t)
  const { client } = createClient()
  const attempt = (afterMs: number) => {
    clock.nowMs += afterMs
    return reconnectClient(client)
  }
  t.same([0, 1999, 1].map(attempt), [true, false, true], '2 s')
  t.same([3999, 1].map(attempt), [false, true], '4 s')
  t.same([8000, 16_000].map(attempt), [true, true])
  t.same([29_999, 1].map(attempt), [false, true], 'at most 30 s')
  t.same([60_000, 2000].map(attempt), [true, true])
})
