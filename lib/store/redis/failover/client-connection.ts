import type { RedisClient } from '../../../../types/redis-client.js'

export interface ConnectionListener {
  /** The client has lost its connection. */
  onClose(): void
  /** The client has a connection that works. */
  onReady(): void
}

const listenersOf = new WeakMap<RedisClient, Set<ConnectionListener>>()

/**
 * Reports when the client loses its connection or has a new one. Reports nothing for a Cluster, which has many connections,
 * and for clients without events. Many registrations may share one client, which warns about more than ten listeners.
 * @returns a function that ends the reports
 */
export function watchConnection(redis: RedisClient, listener: ConnectionListener): () => void {
  if (redis.isCluster || !redis.on) return () => {}
  let listeners = listenersOf.get(redis)
  if (!listeners) {
    const created = new Set<ConnectionListener>()
    redis.on('close', () => {
      for (const { onClose } of created) onClose()
    })
    redis.on('ready', () => {
      for (const { onReady } of created) onReady()
    })
    listenersOf.set(redis, created)
    listeners = created
  }
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const MIN_PAUSE_MS = 2000
const MAX_PAUSE_MS = 30_000

/** When this process reconnected a client, and how long it waits until the next time. */
const reconnections = new WeakMap<RedisClient, { atMs: number; pauseMs: number }>()

/**
 * Closes the connection of the client, which then connects again by its own settings and asks Sentinel for the master. This
 * is what ioredis does with `failoverDetector: true`.
 *
 * Does nothing for a Cluster, which follows its slots, and for a client that might not connect again: while it connects, or
 * if a retry strategy gives up, ioredis closes it forever.
 *
 * @returns whether the client connects again
 */
export function reconnectClient(redis: RedisClient): boolean {
  if (redis.isCluster || redis.status !== 'ready' || !retries(redis)) return false
  const now = performance.now()
  const last = reconnections.get(redis) ?? { atMs: Number.NEGATIVE_INFINITY, pauseMs: MIN_PAUSE_MS }
  const elapsedMs = now - last.atMs
  if (elapsedMs < last.pauseMs) return false
  const pauseMs = elapsedMs < 2 * MAX_PAUSE_MS ? Math.min(2 * last.pauseMs, MAX_PAUSE_MS) : MIN_PAUSE_MS
  reconnections.set(redis, { atMs: now, pauseMs })
  redis.disconnect?.(true)
  return true
}

interface RetryOptions {
  sentinels?: unknown
  retryStrategy?: unknown
  sentinelRetryStrategy?: unknown
}

function retries({ options = {} }: RedisClient): boolean {
  const { sentinels, retryStrategy, sentinelRetryStrategy }: RetryOptions = options
  return isEndless(retryStrategy) && (!sentinels || isEndless(sentinelRetryStrategy))
}

function isEndless(strategy: unknown): boolean {
  return typeof strategy === 'function' && typeof strategy(1) === 'number'
}
