import { elapsed, type Moment, momentNow } from '../../../utils/clock.js'

/** How far a process can trust what it knows of the stream. Fails closed: the clock that says "later" is believed. */
export class Freshness {
  readonly #staleAfterMs: number
  readonly #retentionMs: number
  #whole: Moment | undefined
  #gap: Moment | undefined

  /** @param retentionMs how long an entry matters */
  constructor(staleAfterMs: number, retentionMs: number) {
    this.#staleAfterMs = staleAfterMs
    this.#retentionMs = retentionMs
  }

  /** All that was in the stream at that moment has been read. */
  wholeAt(moment: Moment): void {
    this.#whole = moment
  }

  /** Entries were lost that nobody can read any more: it matters until the tokens that they were about have expired. */
  lost(): void {
    this.#gap = momentNow()
  }

  isStale(): boolean {
    if (!this.#whole) return true
    const now = momentNow()
    if (this.#gap) {
      const { atLeastMs } = elapsed(this.#gap, now)
      if (atLeastMs < this.#retentionMs) return true
      this.#gap = undefined
    }
    return elapsed(this.#whole, now).atMostMs > this.#staleAfterMs
  }
}
