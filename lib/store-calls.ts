import { setTimeout } from 'node:timers'
import { errors } from './errors.js'
import type { SessionStore } from './store/session-store.js'

/**
 * Every call of a store goes through here. Whatever the client library does meanwhile (it may queue, or
 * retry for ever), the call ends in time; and whatever it throws, it was the store that did not answer.
 */
export class StoreCalls {
  readonly #store: SessionStore
  readonly #timeoutMs: number

  constructor(store: SessionStore, timeoutMs: number) {
    this.#store = store
    this.#timeoutMs = timeoutMs
  }

  /**
   * @param late gets an answer that came after the time was up: nobody else will
   * @throws `FRT_ERR_STORE_UNAVAILABLE`, whose cause tells why
   */
  async ask<T>(call: (store: SessionStore) => Promise<T>, late: (answer: T) => void = () => {}): Promise<T> {
    let isLate = false
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        isLate = true
        reject(new Error(`no answer within ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
    })
    const answered = Promise.resolve(this.#store).then(call)
    answered.then(
      (answer) => isLate && late(answer),
      () => {}
    )
    try {
      return await Promise.race([answered, timeout]).finally(() => clearTimeout(timer))
    } catch (error) {
      throw new errors.StoreUnavailable({ cause: withoutArguments(error) })
    }
  }
}

/** A client library hangs the command and its arguments on its errors: they are personal data, and no log's business. */
function withoutArguments(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error))
}
