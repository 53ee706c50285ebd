import type { StoreOperationName } from '../../../types/diagnostics.js'
import type { SessionStore } from '../../../types/session-store.js'
import { errors } from '../../errors.js'
import { RetryQueue } from '../../utils/retry-queue.js'
import { withTimeout } from '../../utils/timeout.js'
import { operations, trace } from '../observability/diagnostics.js'
import type { StoreOutage } from './store-outage.js'

/** A background call is considered lost after this many request timeouts. */
const BACKGROUND_TIMEOUT_FACTOR = 10

/** Caps the timeout at about 7 days (10 × 60 s × 1,024). `setTimeout` overflows after 24.8 days. */
const MAX_TIMEOUT_FACTOR = 1024

type Operation<T> = (store: SessionStore) => Promise<T>

/** Calls the store. The name of the operation goes to diagnostics. */
export type CallStore = <T>(name: StoreOperationName, operation: Operation<T>) => Promise<T>

export interface StoreClientSettings {
  keyPrefix: string
  /** How long a request waits for the store. */
  timeoutMs: number
  outage: StoreOutage
  retryQueue?: RetryQueue
}

/**
 * Calls the store for requests and for background work. Every failure is `FRT_ERR_STORE_UNAVAILABLE`, whose cause
 * holds the reason.
 *
 * - `call`: a request waits for the result, at most for `timeoutMs`.
 * - `callWithRetry`: a request waits for the first attempt. If it fails, the work is retried in the background.
 * - `callInBackground`: no request waits. Failures are retried.
 */
export class StoreClient {
  readonly #store: SessionStore
  readonly #settings: StoreClientSettings
  readonly #retryQueue: RetryQueue

  constructor(store: SessionStore, settings: StoreClientSettings) {
    this.#store = store
    this.#settings = settings
    this.#retryQueue = settings.retryQueue ?? new RetryQueue()
  }

  /**
   * Calls the store within the request timeout, even if the Redis client queues or retries longer.
   *
   * @param onFailure receives a promise of the late result, so that the caller can undo it
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store failed or did not reply in time
   */
  call<T>(
    name: StoreOperationName,
    operation: Operation<T>,
    onFailure?: (lateResult: Promise<T>) => void
  ): Promise<T> {
    return this.#attempt(name, operation, (reply) => this.#withRequestTimeout(reply), onFailure)
  }

  /**
   * Does work that must not be lost. The first attempt has the request timeout. If it fails, the work is retried in
   * the background until it succeeds or `giveUpMs` have passed.
   *
   * @param key identifies the work. A later call with the same key replaces the work that is still retried. `null` if
   * other calls already retry it
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the first attempt failed
   */
  async callWithRetry<T>(
    key: string | null,
    giveUpMs: number,
    work: (call: CallStore) => Promise<T>
  ): Promise<T> {
    try {
      return await work((name, operation) => this.call(name, operation))
    } catch (error) {
      const giveUpAt = performance.now() + giveUpMs
      if (key !== null) void this.#retry(key, work, () => performance.now() > giveUpAt)
      throw error
    }
  }

  /**
   * Calls the store without a request that waits. If the call fails, it is retried until it succeeds or
   * `shouldGiveUp` returns `true`.
   *
   * @param key identifies the work, as in `callWithRetry`
   */
  callInBackground(
    key: string,
    name: StoreOperationName,
    operation: Operation<unknown>,
    shouldGiveUp: () => boolean
  ): void {
    const work = (call: CallStore) => call(name, operation)
    work(this.#backgroundCall(1)).catch(() => this.#retry(key, work, shouldGiveUp))
  }

  /** Stops all retries and closes the store. */
  close(): void {
    this.#retryQueue.close()
    this.#store.close?.()
  }

  #retry(
    key: string,
    work: (call: CallStore) => Promise<unknown>,
    shouldGiveUp: () => boolean
  ): Promise<void> {
    let factor = 0.5
    const attempt = () => {
      // A call may still wait in the queue of the Redis client. Longer timeouts keep that queue short in an outage.
      factor = Math.min(2 * factor, MAX_TIMEOUT_FACTOR)
      return work(this.#backgroundCall(factor))
    }
    return this.#retryQueue.retry(key, attempt, shouldGiveUp)
  }

  #backgroundCall(factor: number): CallStore {
    return (name, operation) =>
      this.#attempt(name, operation, (reply) => this.#withBackgroundTimeout(reply, factor))
  }

  #attempt<T>(
    name: StoreOperationName,
    operation: Operation<T>,
    limit: (reply: Promise<T>) => Promise<T>,
    onFailure?: (lateResult: Promise<T>) => void
  ): Promise<T> {
    const { keyPrefix, outage } = this.#settings
    // Without `await`, because each one costs a refresh as much as a timer.
    return trace(operations.store, { keyPrefix, operation: name }, () => {
      const startedAt = performance.now()
      const reply = this.#send(operation)
      return limit(reply).then(
        (result) => {
          outage.recordSuccess()
          return result
        },
        (error) => {
          outage.recordFailure(name, reasonOf(error), startedAt)
          onFailure?.(this.#lateResult(reply))
          throw error
        }
      )
    })
  }

  /** The result of a call that the request no longer waits for. An unused rejection is not an unhandled one. */
  #lateResult<T>(reply: Promise<T>): Promise<T> {
    const result = this.#withBackgroundTimeout(reply, 1)
    result.catch(() => {})
    return result
  }

  #withRequestTimeout<T>(reply: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#settings
    return withTimeout(reply, timeoutMs, () => noReplyWithin(timeoutMs))
  }

  /** A Redis client may drop a command when its connection breaks, and then never settles the call. */
  #withBackgroundTimeout<T>(reply: Promise<T>, factor: number): Promise<T> {
    const timeoutMs = factor * BACKGROUND_TIMEOUT_FACTOR * this.#settings.timeoutMs
    return withTimeout(reply, timeoutMs, () => noReplyWithin(timeoutMs), false)
  }

  #send<T>(operation: Operation<T>): Promise<T> {
    try {
      // A store of the application may return its result without a promise.
      return Promise.resolve(operation(this.#store)).catch(rejectAsUnavailable)
    } catch (error) {
      return Promise.reject(unavailable(messageOf(error)))
    }
  }
}

function rejectAsUnavailable(error: unknown): never {
  throw unavailable(messageOf(error))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function noReplyWithin(ms: number): Error {
  return unavailable(`no reply within ${ms} ms`)
}

/** Keeps only the message: Redis clients attach the command and its arguments to their errors, which are personal data. */
function unavailable(reason: string): Error {
  return new errors.StoreUnavailable({ cause: new Error(reason) })
}

function reasonOf(error: unknown): string {
  return ((error as Error).cause as Error).message
}
