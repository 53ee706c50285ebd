import { type ClockReading, elapsedSince, readClocks } from '../../../utils/clock.js'

/** How far a process can trust what it knows of the stream. Fails closed: the clock that says "later" is believed. */
export class Freshness {
  readonly #staleAfterMs: number
  readonly #retentionMs: number
  #caughtUpAt: ClockReading | undefined
  #gap: ClockReading | undefined

  /** @param retentionMs how long an entry matters */
  constructor(staleAfterMs: number, retentionMs: number) {
    this.#staleAfterMs = staleAfterMs
    this.#retentionMs = retentionMs
  }

  /** All that was in the stream at that moment has been read. */
  markCaughtUp(moment: ClockReading): void {
    this.#caughtUpAt = moment
  }

  /** Entries were lost that nobody can read any more: it matters until the tokens that they were about have expired. */
  markGap(): void {
    this.#gap = readClocks()
  }

  isStale(): boolean {
    if (!this.#caughtUpAt) return true
    const now = readClocks()
    if (this.#gap) {
      const { minMs } = elapsedSince(this.#gap, now)
      if (minMs < this.#retentionMs) return true
      this.#gap = undefined
    }
    return elapsedSince(this.#caughtUpAt, now).maxMs > this.#staleAfterMs
  }
}
