import { randomUUID } from 'node:crypto'
import { Cluster, type Redis } from 'ioredis'
import type { Test } from 'tap'
import { MemoryStore } from '../../lib/store/memory/memory-store.js'
import { RedisStore } from '../../lib/store/redis/redis-store.js'
import type { BinaryClient } from '../../lib/store/redis/run-script.js'
import type { OpenedStore } from '../../lib/testing/index.js'
import type { RedisClient } from '../../types/redis-client.js'
import type { SessionStore } from '../../types/session-store.js'
import { Clock } from './clock.js'
import { startRedis } from './redis-server.js'

/** A store whose clock the test controls. */
export interface StoreUnderTest {
  store: SessionStore
  clock: Clock
  /** Advances the clock, and reduces all TTLs. */
  advance(ms: number): Promise<void>
  /** Changes the clock but no TTL, like a new master whose clock differs. */
  skew(ms: number): void
  /** Waits for pending confirmations, because no response waits for them. */
  settled(): Promise<void>
  /** Only if the store uses Redis. */
  redis?: Redis
  keyPrefix?: string
}

/** Runs the same tests on both stores. */
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
 * Opens a store on a real Redis with the time of the test: `TIME` in the scripts is replaced by the test's clock.
 * @param client the client of the store if it is a different one, for example a Cluster client for the same server
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

/** Opens the same store for the conformance suite, which has its own clock. */
export function clockedRedisStore(
  now: () => number,
  redis: Redis | Cluster,
  client: RedisClient = redis
): Required<Pick<OpenedStore, 'store' | 'elapse'>> & { keyPrefix: string } {
  const keyPrefix = `test:${randomUUID()}:`
  const clocked: RedisClient = {
    isCluster: client.isCluster ?? false,
    duplicate: client.duplicate.bind(client),
    evalsha: rejectUncached,
    evalshaBuffer: rejectUncached,
    eval: (source, ...args) => client.eval(withTime(source, now()), ...args),
    evalBuffer: (source, ...args) => (client as BinaryClient).evalBuffer(withTime(source, now()), ...args)
  }
  return {
    store: new RedisStore({ redis: clocked, keyPrefix }),
    keyPrefix,
    async elapse(ms) {
      for (const key of await keysOf(redis, `${keyPrefix}*`)) {
        // The pulses of the processes follow the real time.
        if (key.startsWith(`${keyPrefix}{feed}:p:`)) continue
        const ttl = await redis.pttl(key)
        // The revocation stream has no TTL.
        if (ttl > 0) await redis.pexpire(key, ttl - ms)
      }
    }
  }
}

/** Makes the store send the source each time. */
async function rejectUncached() {
  throw new Error('NOSCRIPT')
}

function withTime(source: string, nowMs: number): string {
  const time = `{'${Math.floor(nowMs / 1000)}', '${Math.round((nowMs % 1000) * 1000)}'}`
  return source.replaceAll("redis.call('TIME')", time)
}

/** Returns the keys that match a pattern, on all masters. */
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
    // A confirmation is sent after the response.
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.allSettled(pending)
  }
}
