/**
 * What the clock of the store says at a moment of this process, by its last answer: rather too early than too
 * late, by as long as that answer was on its way.
 */
export class StoreClock {
  #aheadMs = Number.NaN

  get isKnown(): boolean {
    return !Number.isNaN(this.#aheadMs)
  }

  /** @param nowMs the clock, as an answer that has just come tells it */
  learn(nowMs: number): void {
    this.#aheadMs = nowMs - performance.now()
  }

  /** @param atMs by `performance.now()` */
  at(atMs: number): number {
    return Math.floor(atMs + this.#aheadMs)
  }
}
