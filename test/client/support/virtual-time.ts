import { setImmediate as nextTurn } from 'node:timers/promises'

interface Timer {
  at: number
  order: number
  work: () => void
}

export interface VirtualTimeOptions {
  /** How many idle turns of the event loop must pass until everything is settled. */
  turns?: number
  /** Returns `true` while work is in progress that may take more turns. */
  isBusy?: () => boolean
  /** Called when the time advances, to advance other clocks. */
  onAdvance?: (ms: number) => void
}

/** A clock and timers that advance only when a test says so: the client's `now` and `after`. */
export class VirtualTime {
  nowMs = 0
  readonly #options: Required<VirtualTimeOptions>
  #timers: Timer[] = []
  #order = 0

  constructor(options: VirtualTimeOptions = {}) {
    this.#options = { turns: 3, isBusy: () => false, onAdvance() {}, ...options }
  }

  readonly now = (): number => this.nowMs

  readonly after = (ms: number, work: () => void): (() => void) => {
    const timer = { at: this.nowMs + Math.max(0, ms), order: this.#order++, work }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** The number of timers that have not fired. */
  get pending(): number {
    return this.#timers.length
  }

  /** Waits until all work that is ready has run. */
  async settle(): Promise<void> {
    const { turns, isBusy } = this.#options
    for (let quiet = 0; quiet < turns; quiet++) {
      await nextTurn()
      if (isBusy()) quiet = 0
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.nowMs + ms
    await this.settle()
    while (await this.#runNextTimer(until)) await this.settle()
    this.#advanceTo(until)
  }

  /** Advances the time until the promise settles. */
  async until<T>(work: Promise<T>, withinMs = 10 * 60_000): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    const deadline = this.nowMs + withinMs
    await this.settle()
    while (!isSettled) {
      if (!(await this.#runNextTimer(deadline))) throw new Error(`not settled within ${withinMs} ms`)
      await this.settle()
    }
    return work
  }

  #advanceTo(to: number): void {
    const ms = to - this.nowMs
    this.nowMs = to
    if (ms > 0) this.#options.onAdvance(ms)
  }

  async #runNextTimer(until: number): Promise<boolean> {
    const [first] = this.#timers.sort((one, other) => one.at - other.at || one.order - other.order)
    if (!first || first.at > until) return false
    this.#timers.shift()
    this.#advanceTo(first.at)
    first.work()
    return true
  }
}
