import { mock } from 'node:test'

/** A clock that a test moves: the store's, and, for access tokens, the process's. */
export class Clock {
  nowMs = Date.UTC(2030, 0, 1, 12, 34, 56, 789)

  #rulesDate = false

  readonly now = (): number => this.nowMs

  /** Lets `Date` tell this time, until the test ends. */
  rule(t: { after(fn: () => void): unknown }): this {
    if (this.#rulesDate) return this
    mock.timers.enable({ apis: ['Date'], now: this.nowMs })
    this.#rulesDate = true
    t.after(() => mock.timers.reset())
    return this
  }

  advance(ms: number): void {
    this.nowMs += ms
    if (this.#rulesDate) mock.timers.setTime(this.nowMs)
  }
}
