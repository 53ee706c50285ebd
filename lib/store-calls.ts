import { errors } from './errors.js'
import { inTime } from './in-time.js'
import type { SessionStore } from './store/session-store.js'

/** How many time-outs it takes until a call that nobody waits for is held to be forgotten. */
const PATIENCE = 10

/** A question to the store, and its answer. */
export type Ask = <T>(call: (store: SessionStore) => Promise<T>) => Promise<T>

/**
 * Every call of a store goes through here: whatever it throws, it was the store that did not answer.
 * @throws `FRT_ERR_STORE_UNAVAILABLE`, whose cause tells why
 */
export class StoreCalls {
  readonly #store: SessionStore
  readonly #timeoutMs: number

  constructor(store: SessionStore, timeoutMs: number) {
    this.#store = store
    this.#timeoutMs = timeoutMs
  }

  /**
   * For a client who waits: it ends in time, whatever the client library does meanwhile (it may queue, or
   * retry for ever). A late answer is dropped.
   *
   * @param failed is told when it fails, with what the store itself may still answer, within its patience
   */
  async ask<T>(
    call: (store: SessionStore) => Promise<T>,
    failed: (late: Promise<T>) => void = () => {}
  ): Promise<T> {
    const own = this.#call(call)
    try {
      return await this.#within(this.#timeoutMs, own)
    } catch (error) {
      const late = this.#patiently(own)
      late.catch(() => {})
      failed(late)
      throw error
    }
  }

  close(): void {
    this.#store.close?.()
  }

  /**
   * For work that nobody waits for. It is not sent again while it may still be queued, for an outage would
   * fill the queue of the client library; but a library may also forget what was in flight when a connection
   * broke, and never settle it.
   *
   * @param patience how many times as long it waits as the first time
   */
  askPatiently<T>(call: (store: SessionStore) => Promise<T>, patience = 1): Promise<T> {
    return this.#patiently(this.#call(call), patience)
  }

  #patiently<T>(own: Promise<T>, patience = 1): Promise<T> {
    return this.#within(patience * PATIENCE * this.#timeoutMs, own, false)
  }

  #within<T>(ms: number, own: Promise<T>, isAwaited = true): Promise<T> {
    return inTime(own, ms, () => unavailable(`no answer within ${ms} ms`), isAwaited)
  }

  async #call<T>(call: (store: SessionStore) => Promise<T>): Promise<T> {
    try {
      return await call(this.#store)
    } catch (error) {
      throw unavailable(error instanceof Error ? error.message : String(error))
    }
  }
}

/** The message alone: a client library hangs the command and its arguments on its errors, which are personal data. */
function unavailable(reason: string): Error {
  return new errors.StoreUnavailable({ cause: new Error(reason) })
}
