import type { Runtime } from './runtime.js'
import { sleep } from './time-limit.js'

const MAX_ATTEMPTS = 3
const PAUSE_MS = 500
/** If the server asks for a longer pause, the call fails immediately. */
const MAX_WAIT_MS = 10_000

/** The failure of one attempt. `retryAfterMs` is the pause that the server asked for, or 0. */
export interface FailedAttempt {
  retryAfterMs: number
  error: Error
}

/** One attempt. Resolves with `undefined` if it succeeded. */
export type Attempt = () => Promise<FailedAttempt | undefined>

/**
 * Repeats the attempt until it succeeds, at most three times.
 * @param signal ends the pauses
 * @throws the error of the last attempt if it failed, or if the server asked for a long pause
 */
export type Retry = (attempt: Attempt, signal?: AbortSignal) => Promise<void>

/** Retries failed attempts with growing, random pauses. Respects `Retry-After`, also in later calls. */
export function createRetry(runtime: Runtime): Retry {
  const { now, random } = runtime
  let notBefore = 0
  let lastError: Error | undefined

  return async (attempt, signal) => {
    for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
      const waitMs = notBefore - now()
      if (waitMs > MAX_WAIT_MS) break
      if (waitMs > 0) await sleep(runtime, waitMs, signal)
      const failed = await attempt()
      if (!failed) {
        notBefore = 0
        return
      }
      // The random part spreads the clients. The fixed half prevents that many of them return at once.
      const pauseMs = PAUSE_MS * 2 ** attempts * (0.5 + random() / 2)
      notBefore = now() + failed.retryAfterMs + pauseMs
      lastError = failed.error
    }
    throw lastError
  }
}
