import type { FastifyBaseLogger } from 'fastify'
import type { StoreOperationName } from '../../../types/diagnostics.js'
import { events } from '../observability/diagnostics.js'

/** Calls must succeed for this long before an outage is over, so that intermittent failures are logged as one outage. */
const RECOVERY_WINDOW_MS = 10_000

/** Emits each failed store call, and logs one line when an outage starts and one when it is over. */
export class StoreOutage {
  readonly #keyPrefix: string
  readonly #log: FastifyBaseLogger
  /** Start of the current outage. Undefined if there is none. */
  #startedAt: number | undefined
  #succeedsSince: number | undefined

  constructor(keyPrefix: string, log: FastifyBaseLogger) {
    this.#keyPrefix = keyPrefix
    this.#log = log
  }

  /** @param calledAt when the call started, by `performance.now()` */
  recordFailure(operation: StoreOperationName, reason: string, calledAt: number): void {
    if (events.storeError.hasSubscribers) {
      const durationMs = performance.now() - calledAt
      events.storeError.publish({ keyPrefix: this.#keyPrefix, operation, reason, durationMs })
    }
    this.#succeedsSince = undefined
    if (this.#startedAt !== undefined) return
    this.#startedAt = calledAt
    const message = 'session store is unavailable; requests that need it get 503'
    this.#log.warn({ event: 'store_unavailable', operation, reason }, message)
  }

  recordSuccess(): void {
    if (this.#startedAt !== undefined) this.#recordRecovery(this.#startedAt)
  }

  #recordRecovery(startedAt: number): void {
    const now = performance.now()
    this.#succeedsSince ??= now
    if (now - this.#succeedsSince < RECOVERY_WINDOW_MS) return
    const durationMs = Math.round(this.#succeedsSince - startedAt)
    this.#startedAt = undefined
    this.#log.info({ event: 'store_recovered', durationMs }, 'session store is available again')
  }
}
