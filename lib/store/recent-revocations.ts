import type { Revocation } from '../../types/revocation-feed.js'

/** Revocations by the order in which they were added, for as long as they matter. */
export class RecentRevocations {
  #retentionMs: number
  readonly #entries = new Map<string, { revocation: Revocation; addedAt: number }>()

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
  }

  /** At least for so long, from now on. */
  keepFor(retentionMs: number): void {
    this.#retentionMs = Math.max(this.#retentionMs, retentionMs)
  }

  add(id: string, revocation: Revocation): void {
    this.#dropOld()
    this.#entries.set(id, { revocation, addedAt: performance.now() })
  }

  delete(id: string): void {
    this.#entries.delete(id)
  }

  /** Those that were added before a moment of the monotonic clock, by id. */
  addedBefore(monotonicMs: number): Map<string, Revocation> {
    this.#dropOld()
    const entries = [...this.#entries].filter(([, { addedAt }]) => addedAt < monotonicMs)
    return new Map(entries.map(([id, { revocation }]) => [id, revocation]))
  }

  #dropOld(): void {
    const oldest = performance.now() - this.#retentionMs
    for (const [id, { addedAt }] of this.#entries) {
      if (addedAt >= oldest) return
      this.#entries.delete(id)
    }
  }
}

/** Longer than any access token of the session, by what clocks and queues may differ. */
const MARGIN_MS = 120_000

/** How long it matters to an access token that its session has ended. */
export function retentionOf(accessTokenTtlMs: number): number {
  return accessTokenTtlMs + MARGIN_MS
}
