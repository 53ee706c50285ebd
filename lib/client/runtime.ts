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
  fetch: typeof globalThis.fetch
  locks?: Locks | undefined
  openChannel(name: string): Channel | undefined
  /** Returns the milliseconds since a fixed point in time. Time during sleep counts too. */
  now(): number
  /** Schedules work. Returns a function that cancels it. */
  after(ms: number, work: () => void): () => void
  /** Returns a random number from 0 to 1. */
  random(): number
}

export function detectRuntime(): Runtime {
  const { navigator, origin } = globalThis as { navigator?: { locks?: Locks }; origin?: string }
  // Tabs of one origin share a session. A server process has channels and locks too, but serves many users.
  const hasTabs = origin !== undefined
  return {
    // Looked up at each call, because a page may replace it.
    fetch: (input, init) => globalThis.fetch(input, init),
    locks: hasTabs ? navigator?.locks : undefined,
    openChannel: (name) => (hasTabs ? openChannel(name) : undefined),
    now: createClock(),
    after(ms, work) {
      const timer = setTimeout(work, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random
  }
}

export interface TimeLimit {
  signal: AbortSignal
  /** Cancels the limit, so that the signal does not abort any more. */
  cancel(): void
}

/** Creates a signal that aborts after the given time, or when the outer signal aborts. */
export function withTimeLimit({ after }: Runtime, ms: number, outer: AbortSignal | undefined): TimeLimit {
  const aborter = new AbortController()
  const abort = () => {
    cancel()
    aborter.abort()
  }
  const stopTimer = after(ms, abort)
  const cancel = () => {
    stopTimer()
    outer?.removeEventListener('abort', abort)
  }
  if (outer?.aborted) abort()
  else outer?.addEventListener('abort', abort)
  return { signal: aborter.signal, cancel }
}

/** Waits for the given time, or until the signal aborts. */
export async function sleep(runtime: Runtime, ms: number, signal?: AbortSignal): Promise<void> {
  const end = withTimeLimit(runtime, ms, signal).signal
  if (!end.aborted) await new Promise((resolve) => end.addEventListener('abort', resolve))
}

function openChannel(name: string): Channel | undefined {
  if (typeof BroadcastChannel !== 'function') return undefined
  return new BroadcastChannel(name) as unknown as Channel
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
