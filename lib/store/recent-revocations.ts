import type { Revocation } from '../../types/revocation-feed.js'

/** Keeps the latest revocations in the order in which they were added. Drops those that are too old or too many. */
export class RecentRevocations {
  #retentionMs: number
  readonly #maxEntries: number
  readonly #entries = new Map<string, { revocation: Revocation; addedAtMs: number }>()

  constructor(retentionMs: number, maxEntries = Number.POSITIVE_INFINITY) {
    this.#retentionMs = retentionMs
    this.#maxEntries = maxEntries
  }

  /** Extends the retention to at least `retentionMs`. */
  extendRetention(retentionMs: number): void {
    this.#retentionMs = Math.max(this.#retentionMs, retentionMs)
  }

  add(id: string, revocation: Revocation): void {
    this.#entries.set(id, { revocation, addedAtMs: performance.now() })
    this.#dropOld()
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
      if (addedAtMs >= oldestMs && this.#entries.size <= this.#maxEntries) return
      this.#entries.delete(id)
    }
  }
}

/** Covers differences between clocks, and the time that calls spend in queues. */
export const RETENTION_MARGIN_MS = 120_000

/** Returns how long a revocation must be kept: longer than any access token of the session is valid. */
export function retentionOf(accessTokenTtlMs: number): number {
  return accessTokenTtlMs + RETENTION_MARGIN_MS
}
