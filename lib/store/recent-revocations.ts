import type { Revocation } from '../../types/revocation-feed.js'

/** Keeps the latest revocations in the order in which they were added. Drops those that are older than the retention. */
export class RecentRevocations {
  #retentionMs: number
  readonly #entries = new Map<string, { revocation: Revocation; addedAtMs: number }>()

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
  }

  /** Extends the retention to at least `retentionMs`. */
  extendRetention(retentionMs: number): void {
    this.#retentionMs = Math.max(this.#retentionMs, retentionMs)
  }

  add(id: string, revocation: Revocation): void {
    this.#dropOld()
    this.#entries.set(id, { revocation, addedAtMs: performance.now() })
  }

  delete(id: string): void {
    this.#entries.delete(id)
  }

  /** Returns the revocations that were added before a time of the monotonic clock, by id. */
  addedBefore(monotonicMs: number): Map<string, Revocation> {
    this.#dropOld()
    const entries = [...this.#entries].filter(([, { addedAtMs }]) => addedAtMs < monotonicMs)
    return new Map(entries.map(([id, { revocation }]) => [id, revocation]))
  }

  #dropOld(): void {
    const oldestMs = performance.now() - this.#retentionMs
    for (const [id, { addedAtMs }] of this.#entries) {
      if (addedAtMs >= oldestMs) return
      this.#entries.delete(id)
    }
  }
}

/** Covers differences between clocks, and the time that calls spend in queues. */
const MARGIN_MS = 120_000

/** Returns how long a revocation must be kept: longer than any access token of the session is valid. */
export function retentionOf(accessTokenTtlMs: number): number {
  return accessTokenTtlMs + MARGIN_MS
}
