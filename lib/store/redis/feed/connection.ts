import type { RedisClient } from '../run-script.js'

/** The part of ioredis that the reader uses. */
export interface FeedConnection extends RedisClient {
  xread(...args: (string | number)[]): Promise<unknown>
  xrevrange(key: string, end: string, start: string, count: 'COUNT', n: number): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  disconnect(): void
}

/**
 * A connection that fails at once and for good, whatever the options of the user's client are: the reader
 * makes another one then, and starts anew. What would end a read that waits, or hide that it failed, is off.
 */
const SETTINGS = {
  lazyConnect: true,
  enableOfflineQueue: true,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  reconnectOnError: null,
  sentinelRetryStrategy: () => null,
  commandTimeout: undefined,
  socketTimeout: undefined,
  blockingTimeout: undefined,
  // The shape of what is read.
  replyMapping: 'legacy',
  enableAutoPipelining: false,
  // Should a server never close its end, nothing is kept open for it.
  disconnectTimeout: 100
}

const CLUSTER_SETTINGS = {
  lazyConnect: true,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  clusterRetryStrategy: () => null,
  // A replica may lag behind.
  scaleReads: 'master',
  redisOptions: { ...SETTINGS, lazyConnect: undefined }
}

/** Like the user's client (Redis, Sentinel or Cluster), but for these settings. */
export function connectLike(redis: RedisClient): FeedConnection {
  const args: unknown[] = redis.isCluster ? [[], CLUSTER_SETTINGS] : [SETTINGS]
  const connection = redis.duplicate(...(args as never[])) as FeedConnection
  // Each command fails with it: without a listener ioredis would print it.
  connection.on('error', () => {})
  return connection
}
