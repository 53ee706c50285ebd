import { UnavailableError } from './errors.js'
import { type Environment, sleep } from './runtime.js'

const TRIES = 3
const PAUSE_MS = 500
/** Who waits for it would rather know than wait longer. */
const MAX_WAIT_MS = 10_000

/** What was tried: done, or for how long the server wants to be left alone (0 where it did not say). */
export type Tried = { done: true } | { done: false; retryAfterMs: number; cause: unknown }

/** Tries again what failed, with pauses that grow, differ and heed `Retry-After`; across calls, too. */
export class Retry {
  readonly #environment: Environment
  #notBefore = 0

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /**
   * @param signal ends the pauses
   * @throws `UnavailableError`
   */
  async untilDone(work: () => Promise<Tried>, signal?: AbortSignal): Promise<void> {
    const { now, random } = this.#environment
    let cause: unknown
    for (let tries = 1; tries <= TRIES; tries++) {
      const waitMs = this.#notBefore - now()
      if (waitMs > MAX_WAIT_MS) throw new UnavailableError('the server asked to be left alone for a while')
      if (waitMs > 0) await sleep(this.#environment, waitMs, signal)
      const tried = await work()
      if (tried.done) {
        this.#notBefore = 0
        return
      }
      // At the least half of it: a crowd that comes back at once is what brings a server down again.
      const pauseMs = PAUSE_MS * 2 ** tries * (0.5 + random() / 2)
      this.#notBefore = now() + tried.retryAfterMs + pauseMs
      cause = tried.cause
    }
    throw new UnavailableError('the server is not available', { cause })
  }
}
