import { randomUUID } from 'node:crypto'
import { Cluster, type Redis } from 'ioredis'
import type { Test } from 'tap'
import { MemoryStore } from '../../lib/store/memory/memory-store.js'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import type { OpenedStore } from '../../lib/testing/index.js'
import type { RedisClient } from '../../types/redis-client.js'
import type { SessionStore } from '../../types/session-store.js'
import { Clock } from './clock.js'
import { startRedis } from './redis-server.js'

/** A store whose clock a test moves. */
export interface StoreUnderTest {
  store: SessionStore
  clock: Clock
  /** Lets time pass: for the rule, and for what expires. */
  advance(ms: number): Promise<void>
  /** Sets the clock only, as a new master does whose clock differs: what is stored stays. */
  skew(ms: number): void
  /** Waits for the confirmations under way, which no answer waits for. */
  settled(): Promise<void>
  /** Only for Redis. */
  redis?: Redis
  keyPrefix?: string
}

/** Runs the tests on both stores: the same suite holds them together. */
export async function eachStore(
  t: Test,
  tests: (t: Test, open: (t: Test) => StoreUnderTest) => Promise<void>
): Promise<void> {
  await t.test('memory store', async (t) => tests(t, openMemoryStore))
  await t.test('redis store', async (t) => {
    const redis = (await startRedis(t)).client()
    await tests(t, () => openRedisStore(redis))
  })
}

export function openMemoryStore(): StoreUnderTest {
  const clock = new Clock()
  const store = new MemoryStore({ now: clock.now })
  return {
    store,
    clock,
    settled: watchConfirmations(store),
    advance: async (ms) => clock.advance(ms),
    skew: (ms) => clock.advance(ms)
  }
}

/**
 * A real Redis, which sees the test's time: its scripts are sent with the clock's instead of `TIME`.
 * @param client what the store talks to, if not the same: a Cluster of that one server
 */
export function openRedisStore(redis: Redis | Cluster, client: RedisClient = redis): StoreUnderTest {
  const clock = new Clock()
  const { store, keyPrefix, elapse } = clockedRedisStore(clock.now, redis, client)
  return {
    store,
    clock,
    settled: watchConfirmations(store),
    async advance(ms) {
      clock.advance(ms)
      await elapse(ms)
    },
    skew: (ms) => clock.advance(ms),
    ...(redis instanceof Cluster ? {} : { redis }),
    keyPrefix
  }
}

/** The same for the package's own suite, whose clock is its own. */
export function clockedRedisStore(
  now: () => number,
  redis: Redis | Cluster,
  client: RedisClient = redis
): Required<Pick<OpenedStore, 'store' | 'elapse'>> & { keyPrefix: string } {
  const keyPrefix = `test:${randomUUID()}:`
  const clocked: RedisClient = {
    isCluster: client.isCluster ?? false,
    duplicate: client.duplicate.bind(client),
    evalsha: async () => {
      throw new Error('NOSCRIPT the source is sent each time')
    },
    eval: (source, keys, ...args) => {
      const seconds = Math.floor(now() / 1000)
      const microseconds = Math.round((now() % 1000) * 1000)
      const time = `{'${seconds}', '${microseconds}'}`
      return client.eval(source.replaceAll("redis.call('TIME')", time), keys, ...args)
    }
  }
  return {
    store: new RedisStore({ redis: clocked, keyPrefix }),
    keyPrefix,
    async elapse(ms) {
      for (const key of await keysOf(redis, `${keyPrefix}*`)) {
        const ttl = await redis.pttl(key)
        // The stream of revocations has none.
        if (ttl > 0) await redis.pexpire(key, ttl - ms)
      }
    }
  }
}

/** All keys that match a pattern, on whichever master they lie. */
export async function keysOf(redis: Redis | Cluster, pattern: string): Promise<string[]> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis]
  return (await Promise.all(nodes.map((node) => node.keys(pattern)))).flat()
}

function watchConfirmations(store: SessionStore): () => Promise<void> {
  const confirm = store.confirm.bind(store)
  const pending = new Set<Promise<void>>()
  store.confirm = (sid, gen) => {
    const confirmation = confirm(sid, gen)
    pending.add(confirmation)
    return confirmation
  }
  return async () => {
    // A confirmation reaches the store after the answer left.
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.allSettled(pending)
  }
}
