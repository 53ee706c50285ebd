import { UnavailableError } from './errors.js'
import { type Runtime, sleep } from './runtime.js'

const MAX_ATTEMPTS = 3
const PAUSE_MS = 500
/** If the server asks for a longer pause, the call fails immediately. */
const MAX_WAIT_MS = 10_000

/** The result of one attempt. `retryAfterMs` is the pause that the server asked for, or 0. */
export type AttemptResult = { done: true } | { done: false; retryAfterMs: number; cause: unknown }

/** Retries failed attempts with growing, random pauses. Respects `Retry-After`, also in later calls. */
export class Retry {
  readonly #runtime: Runtime
  #notBefore = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /**
   * Repeats the attempt until it is done, at most three times.
   * @param signal ends the pauses
   * @throws `UnavailableError` if the last attempt failed, or if the server asked for a long pause
   */
  async run(attempt: () => Promise<AttemptResult>, signal?: AbortSignal): Promise<void> {
    const { now, random } = this.#runtime
    let cause: unknown
    for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
      const waitMs = this.#notBefore - now()
      if (waitMs > MAX_WAIT_MS) throw new UnavailableError('the server asked to retry later')
      if (waitMs > 0) await sleep(this.#runtime, waitMs, signal)
      const result = await attempt()
      if (result.done) {
        this.#notBefore = 0
        return
      }
      // The random part spreads the clients. The fixed half prevents that many of them return at once.
      const pauseMs = PAUSE_MS * 2 ** attempts * (0.5 + random() / 2)
      this.#notBefore = now() + result.retryAfterMs + pauseMs
      cause = result.cause
    }
    throw new UnavailableError('the server is unavailable', { cause })
  }
}
