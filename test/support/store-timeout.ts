import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'

/** Far more than a busy machine needs, and below the limit of the option. */
const FIRST_MS = 50_000
/** How long a call waits before the test ends its timeout. If Redis replied, it would reply in this time. */
const CHANCE_MS = 50
/** The plugin gives a background call 10 times as long, or a multiple of that. This makes 4 seconds of it. */
const BACKGROUND_DIVISOR = 125

const { setTimeout: startTimer } = timers
/** The callbacks of the timers that were started, by the length of the timeout. */
const started = new Map<number, Set<() => void>>()

// The plugin takes this timer from `node:timers`. Redis clients use the global one.
function setTimeout(callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): NodeJS.Timeout {
  started.get(ms)?.add(() => callback(...args))
  const isOfBackgroundCall = [...started.keys()].some((timeoutMs) => ms > timeoutMs && ms % timeoutMs === 0)
  return startTimer(callback, isOfBackgroundCall ? ms / BACKGROUND_DIVISOR : ms, ...args)
}
timers.setTimeout = Object.defineProperties(
  setTimeout,
  Object.getOwnPropertyDescriptors(startTimer)
) as typeof startTimer
syncBuiltinESMExports()

/**
 * The store timeout of one application. It ends when the test says so: a fault then costs little time, and a busy machine has
 * time for everything that Redis answers. Each application has another length, by which its timers are recognized.
 */
export class StoreTimeout {
  static #nextMs = FIRST_MS
  readonly #ms = StoreTimeout.#nextMs++

  constructor() {
    started.set(this.#ms, new Set())
  }

  /** The value of the option `storeTimeout`. */
  get option(): string {
    return `${this.#ms}ms`
  }

  /** Ends the timeout of every call that waits. Does nothing for a call that is settled. */
  end(): void {
    const callbacks = started.get(this.#ms) ?? new Set()
    started.set(this.#ms, new Set())
    for (const callback of callbacks) callback()
  }

  /** Ends the timeouts of all calls that start until `work` is settled. */
  async endUntil<T>(work: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    while (!isSettled) {
      await sleep(CHANCE_MS)
      this.end()
    }
    return work
  }
}
