import type { FetchFunction } from './types.js'

/** The part of a `LockManager` (Web Locks API) that the client uses. */
export interface Locks {
  request<T>(name: string, options: { signal: AbortSignal }, work: () => Promise<T>): Promise<T>
}

/** The part of a `BroadcastChannel` that the client uses. */
export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((event: { data: unknown }) => void) | null
  close(): void
}

/** The features of the runtime that the client uses. Without locks or channels, tabs do not coordinate. */
export interface Runtime {
  fetch: FetchFunction
  locks?: Locks | undefined
  openChannel(name: string): Channel | undefined
  /** Returns the milliseconds since a fixed point in time. Time during sleep counts too. */
  now(): number
  /** Returns the milliseconds since the epoch. The clock is the same in all tabs, and may be changed. */
  wallNow(): number
  /** Schedules work. Returns a function that cancels it. */
  after(ms: number, work: () => void): () => void
  /** Returns a random number from 0 to 1. */
  random(): number
}

/** @param fetch replaces the `fetch` of the runtime */
export function detectRuntime(fetch?: FetchFunction): Runtime {
  const { navigator, origin } = globalThis as { navigator?: { locks?: Locks }; origin?: string }
  // Tabs of one origin share a session. A server process has channels and locks too, but serves many users.
  const hasTabs = origin !== undefined
  return {
    // Looked up at each call, because a page may replace it. Not called as a method: the `fetch` of a browser throws then.
    fetch: (input, init) => (fetch ?? globalThis.fetch)(input, init),
    locks: hasTabs ? navigator?.locks : undefined,
    openChannel(name) {
      try {
        return hasTabs ? (new BroadcastChannel(name) as unknown as Channel) : undefined
      } catch {
        // There are no channels, or the browser denies them, as in some embedded pages.
        return undefined
      }
    },
    now: createClock(),
    wallNow: () => Date.now(),
    after(ms, work) {
      const timer = setTimeout(work, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random
  }
}

/**
 * Creates a clock that adds the larger step of the wall clock and the monotonic clock. The wall clock may be changed,
 * and the monotonic clock stops during sleep in some runtimes. A step that is too large only causes an early refresh.
 */
function createClock(): () => number {
  let wall = Date.now()
  let monotonic = performance.now()
  let elapsed = 0
  return () => {
    const wallBefore = wall
    const monotonicBefore = monotonic
    wall = Date.now()
    monotonic = performance.now()
    elapsed += Math.max(wall - wallBefore, monotonic - monotonicBefore)
    return elapsed
  }
}
