import { type ClockReading, elapsedSince, readClocks } from '../../../utils/clock.js'

/**
 * Tracks whether the local view of the stream is current. Fails closed: staleness uses the clock that shows more elapsed
 * time, and the retention of a gap uses the clock that shows less.
 */
export class Freshness {
  readonly #staleAfterMs: number
  readonly #retentionMs: number
  #caughtUpAt: ClockReading | undefined
  #gapAt: ClockReading | undefined

  /** @param retentionMs how long a revocation matters */
  constructor(staleAfterMs: number, retentionMs: number) {
    this.#staleAfterMs = staleAfterMs
    this.#retentionMs = retentionMs
  }

  /** Records that everything was read that was in the stream at this time. */
  markCaughtUp(at: ClockReading): void {
    this.#caughtUpAt = at
  }

  /** Records that entries were lost. The view stays stale until all tokens of the lost revocations have expired. */
  markGap(): void {
    this.#gapAt = readClocks()
  }

  isStale(): boolean {
    if (!this.#caughtUpAt) return true
    const now = readClocks()
    if (this.#gapAt) {
      const { minMs } = elapsedSince(this.#gapAt, now)
      if (minMs < this.#retentionMs) return true
      this.#gapAt = undefined
    }
    return elapsedSince(this.#caughtUpAt, now).maxMs > this.#staleAfterMs
  }
}
