import type { RedisClient } from '../../../types/redis-client.js'
import { unrefClient } from './unref-client.js'

/** The part of ioredis that the store uses on its own connections. */
export interface DedicatedConnection extends RedisClient {
  xread(...args: (string | number)[]): Promise<unknown>
  pipeline(): Pipeline
  on(event: 'error' | 'close' | 'ready', listener: (error: Error) => void): unknown
  disconnect(reconnect?: boolean): void
}

interface Pipeline {
  evalsha(sha1: string, numkeys: number, ...args: string[]): Pipeline
  eval(script: string, numkeys: number, ...args: string[]): Pipeline
  wait(replicas: number, timeoutMs: number): Pipeline
  exec(): Promise<[error: Error | null, reply: unknown][]>
}

/**
 * The connection fails fast and never reconnects, whatever the options of the application's client are. Its owner opens
 * a new one after a failure. Options that would abort a blocking command or hide its failure are disabled.
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
  // The parser of stream entries expects this format.
  replyMapping: 'legacy',
  enableAutoPipelining: false,
  // Closes the socket even if the server does not close its side.
  disconnectTimeout: 100
}

const CLUSTER_SETTINGS = {
  lazyConnect: true,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  clusterRetryStrategy: () => null,
  // A Cluster that is disconnected during a slots refresh would keep its refresh timer forever.
  slotsRefreshInterval: 0,
  // A replica may lag.
  scaleReads: 'master'
}

/** Merges the `redisOptions`: ioredis 5 would replace those of the client, which include the password and TLS. */
function clusterSettings(redis: RedisClient): object {
  const options: { redisOptions?: object } = redis.options ?? {}
  return { ...CLUSTER_SETTINGS, redisOptions: { ...options.redisOptions, ...SETTINGS } }
}

/** How many connections were created for a client with Sentinels. */
const created = new WeakMap<RedisClient, number>()

/**
 * Limits the time for each Sentinel, so that one that hangs leaves time for the others: by default ioredis waits ten seconds
 * for it to connect, and without limit for its reply. Starts with another Sentinel each time, because one that is cut off
 * from the others names the old master.
 */
function sentinelSettings(redis: RedisClient, timeoutMs: number): object {
  const { sentinels }: { sentinels?: unknown } = redis.options ?? {}
  if (!Array.isArray(sentinels)) return {}
  const perSentinelMs = Math.ceil(timeoutMs / (sentinels.length + 1))
  const count = created.get(redis) ?? 0
  created.set(redis, count + 1)
  const first = count % sentinels.length
  return {
    sentinels: [...sentinels.slice(first), ...sentinels.slice(0, first)],
    connectTimeout: perSentinelMs,
    sentinelCommandTimeout: perSentinelMs
  }
}

/**
 * Duplicates the application's client (Redis, Sentinel or Cluster) with settings for blocking commands.
 * @param timeoutMs how long the owner waits for the first reply, in milliseconds
 */
export function duplicateForBlocking(redis: RedisClient, timeoutMs: number): DedicatedConnection {
  const args: unknown[] = redis.isCluster
    ? [[], clusterSettings(redis)]
    : [{ ...SETTINGS, ...sentinelSettings(redis, timeoutMs) }]
  return silenced(redis.duplicate(...(args as never[])))
}

/**
 * Duplicates the connection of a Cluster client to one node.
 * @param keyPrefix the option of the Cluster client, which adds the prefix itself, so that its nodes do not have it
 */
export function duplicateNodeForBlocking(node: RedisClient, keyPrefix: string): DedicatedConnection {
  const args: unknown[] = [{ ...SETTINGS, keyPrefix }]
  return silenced(node.duplicate(...(args as never[])))
}

/** Each command already rejects with the error. Without a listener, ioredis prints it. */
function silenced(connection: unknown): DedicatedConnection {
  const dedicated = connection as DedicatedConnection
  dedicated.on('error', () => {})
  unrefClient(dedicated)
  return dedicated
}
