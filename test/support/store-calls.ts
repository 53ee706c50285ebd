import Fastify from 'fastify'
import { StoreCalls } from '../../lib/sessions/store-access/store-client.js'
import { StoreOutage } from '../../lib/sessions/store-access/store-outage.js'
import type { SessionStore } from '../../types/session-store.js'

const { log } = Fastify()

/** The calls of a store, for an app that logs nothing. */
export function storeCalls(store: SessionStore, timeoutMs: number): StoreCalls {
  const keyPrefix = 'frt:'
  return new StoreCalls(store, { keyPrefix, timeoutMs, outage: new StoreOutage(keyPrefix, log) })
}
