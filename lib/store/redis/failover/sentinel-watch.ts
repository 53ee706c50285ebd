import type { RedisClient } from '../../../../types/redis-client.js'
import { unrefClient } from '../unref-client.js'

/** A Sentinel that is behind may name the old master when the first message arrives. */
const REPEAT_AFTER_MS = 2000
/** Every Sentinel publishes a failover, so a few are enough. */
const MAX_SENTINELS = 10

/** The options of an ioredis client that uses Sentinel. */
interface SentinelOptions {
  sentinels?: { host?: string; port?: number; family?: number }[] | null
  name?: string
  role?: string
  sentinelUsername?: string | null
  sentinelPassword?: string | null
  sentinelTLS?: object
}

interface Subscriber {
  on(event: 'error', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, text: string) => void): unknown
  subscribe(channel: string): Promise<unknown>
  disconnect(): void
}

/** Settings that differ from those of the client, for a permanent connection to one Sentinel. */
const SETTINGS = {
  sentinels: null,
  name: null,
  path: undefined,
  db: 0,
  keyPrefix: '',
  lazyConnect: true,
  enableReadyCheck: false,
  enableOfflineQueue: true,
  autoResubscribe: true,
  maxRetriesPerRequest: null,
  retryStrategy: (times: number) => Math.min(1000 * times, 10_000),
  commandTimeout: undefined,
  socketTimeout: undefined,
  replyMapping: 'legacy',
  connectTimeout: 1000,
  disconnectTimeout: 100,
  // A firewall may drop a connection without traffic. Without this, the connection would not be opened again.
  keepAlive: 30_000,
  disableClientInfo: true
}

/**
 * Calls `onSwitch` when a Sentinel reports that another server has become the master, and once more a little later. Does
 * nothing if the client does not use Sentinel, or if Sentinel does not permit to subscribe.
 * @returns a function that ends the watch
 */
export function watchSentinels(redis: RedisClient, onSwitch: () => void): () => void {
  const options = (redis.options ?? {}) as SentinelOptions
  if (redis.isCluster || !Array.isArray(options.sentinels) || options.role === 'slave') return () => {}
  let timer: NodeJS.Timeout | undefined
  const subscribers = options.sentinels.slice(0, MAX_SENTINELS).map(({ host, port = 26379, family }) => {
    const args: unknown[] = [
      {
        ...SETTINGS,
        host,
        port,
        ...(family !== undefined && { family }),
        username: options.sentinelUsername ?? null,
        password: options.sentinelPassword ?? null,
        tls: options.sentinelTLS
      }
    ]
    const subscriber = redis.duplicate(...(args as never[])) as Subscriber
    subscriber.on('error', () => {})
    unrefClient(subscriber)
    subscriber.on('message', (_channel, text) => {
      if (text.split(' ')[0] !== options.name) return
      onSwitch()
      clearTimeout(timer)
      timer = setTimeout(onSwitch, REPEAT_AFTER_MS).unref()
    })
    subscriber.subscribe('+switch-master').catch(() => {})
    return subscriber
  })
  return () => {
    clearTimeout(timer)
    for (const subscriber of subscribers) subscriber.disconnect()
  }
}
