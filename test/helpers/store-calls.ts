import Fastify from 'fastify'
import type { SessionStore } from '../../lib/store/session-store.js'
import { StoreCalls } from '../../lib/store-calls.js'
import { StoreOutage } from '../../lib/store-outage.js'

const { log } = Fastify()

/** The calls of a store, for an app that logs nothing. */
export function storeCalls(store: SessionStore, timeoutMs: number): StoreCalls {
  const keyPrefix = 'frt:'
  return new StoreCalls(store, { keyPrefix, timeoutMs, outage: new StoreOutage(keyPrefix, log) })
}
