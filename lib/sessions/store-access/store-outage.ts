import type { FastifyBaseLogger } from 'fastify'
import type { StoreQuestion } from '../../../types/diagnostics.js'
import { events } from '../observability/diagnostics.js'

/** For so long nothing must fail until an outage is over: what fails now and then is one outage. */
const CALM_MS = 10_000

/** What the store failed to answer: each is told of, and the log gets a line when it begins and one when it is over. */
export class StoreOutage {
  readonly #keyPrefix: string
  readonly #log: FastifyBaseLogger
  /** Undefined while there is none. */
  #since: number | undefined
  #answersSince: number | undefined

  constructor(keyPrefix: string, log: FastifyBaseLogger) {
    this.#keyPrefix = keyPrefix
    this.#log = log
  }

  /** @param askedAt by `performance.now()` */
  failed(operation: StoreQuestion, reason: string, askedAt: number): void {
    if (events.storeError.hasSubscribers) {
      const durationMs = performance.now() - askedAt
      events.storeError.publish({ keyPrefix: this.#keyPrefix, operation, reason, durationMs })
    }
    this.#answersSince = undefined
    if (this.#since !== undefined) return
    this.#since = askedAt
    this.#log.warn({ event: 'store_unavailable', operation, reason }, 'the session store does not answer')
  }

  answered(): void {
    if (this.#since !== undefined) this.#answeredAgain(this.#since)
  }

  #answeredAgain(since: number): void {
    const now = performance.now()
    this.#answersSince ??= now
    if (now - this.#answersSince < CALM_MS) return
    const durationMs = Math.round(this.#answersSince - since)
    this.#since = undefined
    this.#log.info({ event: 'store_recovered', durationMs }, 'the session store answers again')
  }
}
