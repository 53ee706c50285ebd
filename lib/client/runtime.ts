/** The part of a `LockManager` (Web Locks API) that is used. */
export interface Locks {
  request<T>(name: string, options: { signal: AbortSignal }, work: () => Promise<T>): Promise<T>
}

/** The part of a `BroadcastChannel` that is used. */
export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((event: { data: unknown }) => void) | null
  close(): void
}

/** What the runtime offers. Where it has no locks, or no channel, there are no other tabs to mind. */
export interface Environment {
  fetch: typeof globalThis.fetch
  locks?: Locks | undefined
  openChannel(name: string): Channel | undefined
  /** Milliseconds that have passed, asleep or awake, since some time. */
  now(): number
  /** Does it after so many milliseconds, unless the function that it gives is called before. */
  after(ms: number, work: () => void): () => void
  /** From 0 to 1. */
  random(): number
}

export function runtime(): Environment {
  const { navigator, origin } = globalThis as { navigator?: { locks?: Locks }; origin?: string }
  // Tabs of one origin share a session. A server's process has channels and locks too, and many users.
  const hasTabs = origin !== undefined
  return {
    // Looked up at each call, for a page may replace it.
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

export interface Limit {
  signal: AbortSignal
  /** For what was done in time. */
  cancel(): void
}

/** Aborts after so many milliseconds, or when that other signal does. */
export function limit({ after }: Environment, ms: number, other: AbortSignal | undefined): Limit {
  const aborter = new AbortController()
  const abort = () => {
    cancel()
    aborter.abort()
  }
  const stop = after(ms, abort)
  const cancel = () => {
    stop()
    other?.removeEventListener('abort', abort)
  }
  if (other?.aborted) abort()
  else other?.addEventListener('abort', abort)
  return { signal: aborter.signal, cancel }
}

/** Shorter where that signal aborts. */
export async function sleep(environment: Environment, ms: number, signal?: AbortSignal): Promise<void> {
  const awake = limit(environment, ms, signal).signal
  if (!awake.aborted) await new Promise((resolve) => awake.addEventListener('abort', resolve))
}

function openChannel(name: string): Channel | undefined {
  if (typeof BroadcastChannel !== 'function') return undefined
  return new BroadcastChannel(name) as unknown as Channel
}

/**
 * The wall clock may be set; the monotonic one stands still in some runtimes while the machine sleeps. What
 * has passed is the larger of the two: a token that is thought older than it is costs a refresh, no more.
 */
function createClock(): () => number {
  let wall = Date.now()
  let monotonic = performance.now()
  let passed = 0
  return () => {
    const wallBefore = wall
    const monotonicBefore = monotonic
    wall = Date.now()
    monotonic = performance.now()
    passed += Math.max(wall - wallBefore, monotonic - monotonicBefore)
    return passed
  }
}
