import { setImmediate as turn } from 'node:timers/promises'

interface Timer {
  at: number
  order: number
  work: () => void
}

export interface VirtualTimeOptions {
  /** How long what is ready may take to happen: turns of the event loop. */
  turns?: number
  /** Whether something happens that is not in these turns. */
  isBusy?: () => boolean
  /** Moves other clocks along. */
  onMove?: (ms: number) => void
}

/** Time that passes only where a test lets it: the client's `now` and `after`. */
export class VirtualTime {
  nowMs = 0
  readonly #options: Required<VirtualTimeOptions>
  #timers: Timer[] = []
  #order = 0

  constructor(options: VirtualTimeOptions = {}) {
    this.#options = { turns: 3, isBusy: () => false, onMove() {}, ...options }
  }

  readonly now = (): number => this.nowMs

  readonly after = (ms: number, work: () => void): (() => void) => {
    const timer = { at: this.nowMs + Math.max(0, ms), order: this.#order++, work }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Timers that have not gone off. */
  get pending(): number {
    return this.#timers.length
  }

  /** Lets all that is ready happen. */
  async settle(): Promise<void> {
    const { turns, isBusy } = this.#options
    for (let quiet = 0; quiet < turns; quiet++) {
      await turn()
      if (isBusy()) quiet = 0
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.nowMs + ms
    await this.settle()
    while (await this.#next(until)) await this.settle()
    this.#move(until)
  }

  /** Lets time pass until that has settled. */
  async until<T>(work: Promise<T>, withinMs = 10 * 60_000): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    const deadline = this.nowMs + withinMs
    await this.settle()
    while (!isSettled) {
      if (!(await this.#next(deadline))) throw new Error(`not settled within ${withinMs} ms`)
      await this.settle()
    }
    return work
  }

  #move(to: number): void {
    const ms = to - this.nowMs
    this.nowMs = to
    if (ms > 0) this.#options.onMove(ms)
  }

  async #next(until: number): Promise<boolean> {
    const [first] = this.#timers.sort((one, other) => one.at - other.at || one.order - other.order)
    if (!first || first.at > until) return false
    this.#timers.shift()
    this.#move(first.at)
    first.work()
    return true
  }
}
