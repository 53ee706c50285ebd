export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The start time of every simulation, in milliseconds. */
export const EPOCH = Date.UTC(2040, 0, 1)

type Handler = () => void | Promise<void>

interface Event {
  at: number
  order: number
  run: Handler
}

/** Simulated time with an event queue. Events of the same time run in the order in which they were scheduled. */
export class Timeline {
  now = EPOCH
  #scheduled = 0
  readonly #heap: Event[] = []

  after(delayMs: number, run: Handler): void {
    this.at(this.now + delayMs, run)
  }

  at(time: number, run: Handler): void {
    const event = { at: Math.max(this.now, Math.round(time)), order: this.#scheduled++, run }
    const heap = this.#heap
    heap.push(event)
    let at = heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (!parent || !isBefore(event, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = event
  }

  /** Runs the events until the given time, or until `isOver` returns true. */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    while (!isOver()) {
      const next = this.#heap[0]
      if (!next || next.at > until) break
      this.#removeFirst()
      this.now = next.at
      const running = next.run()
      if (running) await running
    }
    this.now = Math.max(this.now, isOver() ? this.now : until)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const child = left && right && isBefore(right, left) ? right : left
      if (!child || !isBefore(child, last)) break
      heap[at] = child
      at = 2 * at + (child === right ? 2 : 1)
    }
    heap[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
