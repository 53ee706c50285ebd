/** Estimates the store's clock from its last reply. The estimate lags by at most the reply's latency, and is never ahead. */
export class StoreClock {
  #offsetMs = Number.NaN
  readonly #onSync: ((storeMs: number) => void) | undefined

  /** @param onSync called with each time that the store replied */
  constructor(onSync?: (storeMs: number) => void) {
    this.#onSync = onSync
  }

  get isSynced(): boolean {
    return !Number.isNaN(this.#offsetMs)
  }

  /** @param storeMs the store's clock in a reply that was just received, in milliseconds since the epoch */
  sync(storeMs: number): void {
    this.#offsetMs = storeMs - performance.now()
    this.#onSync?.(storeMs)
  }

  /** @param storeMs a time in the past, for example of a token. It only moves the estimate ahead, because it may be old */
  advance(storeMs: number): void {
    const offsetMs = storeMs - performance.now()
    if (!this.isSynced || offsetMs > this.#offsetMs) this.#offsetMs = offsetMs
  }

  /** @param monotonicMs a time of `performance.now()` */
  toStoreTime(monotonicMs: number): number {
    return Math.floor(monotonicMs + this.#offsetMs)
  }
}
