/** A moment by two clocks: the one may be set, the other stands still while a machine sleeps. */
export interface Moment {
  wallMs: number
  monotonicMs: number
}

export function momentNow(): Moment {
  return { wallMs: Date.now(), monotonicMs: performance.now() }
}

export function elapsed(since: Moment, now = momentNow()): { atLeastMs: number; atMostMs: number } {
  const wallMs = now.wallMs - since.wallMs
  const monotonicMs = now.monotonicMs - since.monotonicMs
  return { atLeastMs: Math.min(wallMs, monotonicMs), atMostMs: Math.max(wallMs, monotonicMs) }
}
