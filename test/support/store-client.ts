import Fastify from 'fastify'
import { StoreClient } from '../../lib/sessions/store-access/store-client.js'
import { StoreOutage } from '../../lib/sessions/store-access/store-outage.js'
import type { RetryQueue } from '../../lib/utils/retry-queue.js'
import type { SessionStore } from '../../types/session-store.js'

const { log } = Fastify()

/** A client of the store for an application that logs nothing. */
export function storeClient(store: SessionStore, timeoutMs: number, retryQueue?: RetryQueue): StoreClient {
  const keyPrefix = 'frt:'
  const outage = new StoreOutage(keyPrefix, log)
  return new StoreClient(store, { keyPrefix, timeoutMs, outage, ...(retryQueue && { retryQueue }) })
}
