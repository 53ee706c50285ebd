/** One point in time by two clocks: the wall clock may be set, the monotonic clock may stop while a machine sleeps. */
export interface ClockReading {
  wallMs: number
  monotonicMs: number
}

export function readClocks(): ClockReading {
  return { wallMs: Date.now(), monotonicMs: performance.now() }
}

/** Returns the smaller and the larger of the times that the two clocks show. */
export function elapsedSince(since: ClockReading, now = readClocks()): { minMs: number; maxMs: number } {
  const wallMs = now.wallMs - since.wallMs
  const monotonicMs = now.monotonicMs - since.monotonicMs
  return { minMs: Math.min(wallMs, monotonicMs), maxMs: Math.max(wallMs, monotonicMs) }
}
