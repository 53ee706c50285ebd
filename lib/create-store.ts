import type { ResolvedOptions } from './options/resolve.js'
import { MemoryStore } from './store/memory-store.js'
import { RedisStore } from './store/redis/redis-store.js'
import type { SessionStore } from './store/session-store.js'

/** The user's own store, else Redis where a client was given, else memory. */
export function createStore({
  store,
  redis,
  keyPrefix,
  storeTimeoutMs,
  revocation: { replicas }
}: Pick<ResolvedOptions, 'store' | 'redis' | 'keyPrefix' | 'storeTimeoutMs' | 'revocation'>): SessionStore {
  if (store) return store
  if (!redis) return new MemoryStore()
  return new RedisStore({ redis, keyPrefix, replicas, replicaTimeoutMs: storeTimeoutMs })
}
