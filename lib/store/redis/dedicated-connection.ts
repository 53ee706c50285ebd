import type { RedisClient } from '../../../types/redis-client.js'

/** The part of ioredis that is used over a connection of our own. */
export interface DedicatedConnection extends RedisClient {
  xread(...args: (string | number)[]): Promise<unknown>
  pipeline(): Pipeline
  on(event: 'error', listener: (error: Error) => void): unknown
  disconnect(): void
}

interface Pipeline {
  evalsha(sha1: string, numkeys: number, ...args: string[]): Pipeline
  eval(script: string, numkeys: number, ...args: string[]): Pipeline
  wait(replicas: number, timeoutMs: number): Pipeline
  exec(): Promise<[error: Error | null, answer: unknown][]>
}

/**
 * A connection that fails at once and for good, whatever the options of the user's client are: its owner
 * makes another one then, and starts anew. What would end a command that waits, or hide that it failed, is off.
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
  // A Cluster that is disconnected while it refreshes them would go on for ever.
  slotsRefreshInterval: 0,
  // A replica may lag behind.
  scaleReads: 'master'
}

/** ioredis 5 takes `redisOptions` instead of the client's, password and TLS included: here they are merged. */
function clusterSettings(redis: RedisClient): object {
  const options: { redisOptions?: object } = redis.options ?? {}
  return { ...CLUSTER_SETTINGS, redisOptions: { ...options.redisOptions, ...SETTINGS } }
}

/** Like the user's client (Redis, Sentinel or Cluster), but for these settings. */
export function duplicateForBlocking(redis: RedisClient): DedicatedConnection {
  const args: unknown[] = redis.isCluster ? [[], clusterSettings(redis)] : [SETTINGS]
  const connection = redis.duplicate(...(args as never[])) as DedicatedConnection
  // Each command fails with it: without a listener ioredis would print it.
  connection.on('error', () => {})
  return connection
}
