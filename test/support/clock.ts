import { mock } from 'node:test'

/** A clock that a test advances. The store uses it, and `Date` too after `mockDate`. */
export class Clock {
  nowMs = Date.UTC(2030, 0, 1, 12, 34, 56, 789)

  #isDateMocked = false

  readonly now = (): number => this.nowMs

  /** Makes `Date` use this clock until the test ends. */
  mockDate(t: { after(fn: () => void): unknown }): this {
    if (this.#isDateMocked) return this
    mock.timers.enable({ apis: ['Date'], now: this.nowMs })
    this.#isDateMocked = true
    t.after(() => mock.timers.reset())
    return this
  }

  advance(ms: number): void {
    this.nowMs += ms
    if (this.#isDateMocked) mock.timers.setTime(this.nowMs)
  }
}
