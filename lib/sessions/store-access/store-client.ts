import type { StoreQuestion } from '../../../types/diagnostics.js'
import type { SessionStore } from '../../../types/session-store.js'
import { errors } from '../../errors.js'
import { inTime } from '../../utils/timeout.js'
import { isTraced, operations, trace } from '../observability/diagnostics.js'
import type { StoreOutage } from './store-outage.js'

/** How many time-outs it takes until a call that nobody waits for is held to be forgotten. */
const PATIENCE = 10

type Call<T> = (store: SessionStore) => Promise<T>

/** A question to the store, by its name, and its answer. */
export type Ask = <T>(question: StoreQuestion, call: Call<T>) => Promise<T>

export interface StoreCallsSettings {
  keyPrefix: string
  timeoutMs: number
  outage: StoreOutage
}

/**
 * Every call of a store goes through here: whatever it throws, it was the store that did not answer.
 * @throws `FRT_ERR_STORE_UNAVAILABLE`, whose cause tells why
 */
export class StoreCalls {
  readonly #store: SessionStore
  readonly #settings: StoreCallsSettings

  constructor(store: SessionStore, settings: StoreCallsSettings) {
    this.#store = store
    this.#settings = settings
  }

  /**
   * For a client who waits: it ends in time, whatever the client library does meanwhile (it may queue, or
   * retry for ever). A late answer is dropped.
   *
   * @param failed is told when it fails, with what the store itself may still answer, within its patience
   */
  ask<T>(question: StoreQuestion, call: Call<T>, failed: (late: Promise<T>) => void = () => {}): Promise<T> {
    if (!isTraced(operations.store)) return this.#ask(question, call, failed)
    return this.#trace(question, () => this.#ask(question, call, failed))
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
  askPatiently<T>(question: StoreQuestion, call: Call<T>, patience = 1): Promise<T> {
    if (!isTraced(operations.store)) return this.#askPatiently(question, call, patience)
    return this.#trace(question, () => this.#askPatiently(question, call, patience))
  }

  async #ask<T>(question: StoreQuestion, call: Call<T>, failed: (late: Promise<T>) => void): Promise<T> {
    const { timeoutMs, outage } = this.#settings
    const askedAt = performance.now()
    const own = this.#call(call)
    try {
      const answer = await this.#within(timeoutMs, own)
      outage.answered()
      return answer
    } catch (error) {
      outage.failed(question, reasonOf(error), askedAt)
      const late = this.#patiently(own)
      late.catch(() => {})
      failed(late)
      throw error
    }
  }

  async #askPatiently<T>(question: StoreQuestion, call: Call<T>, patience: number): Promise<T> {
    const { outage } = this.#settings
    const askedAt = performance.now()
    try {
      const answer = await this.#patiently(this.#call(call), patience)
      outage.answered()
      return answer
    } catch (error) {
      outage.failed(question, reasonOf(error), askedAt)
      throw error
    }
  }

  #trace<T>(operation: StoreQuestion, work: () => Promise<T>): Promise<T> {
    const { keyPrefix } = this.#settings
    return trace(operations.store, { keyPrefix, operation }, work)
  }

  #patiently<T>(own: Promise<T>, patience = 1): Promise<T> {
    return this.#within(patience * PATIENCE * this.#settings.timeoutMs, own, false)
  }

  #within<T>(ms: number, own: Promise<T>, isAwaited = true): Promise<T> {
    return inTime(own, ms, () => unavailable(`no answer within ${ms} ms`), isAwaited)
  }

  async #call<T>(call: Call<T>): Promise<T> {
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

function reasonOf(error: unknown): string {
  return ((error as Error).cause as Error).message
}
