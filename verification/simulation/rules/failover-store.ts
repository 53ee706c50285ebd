import { MemoryStore } from '../../../lib/store/memory/memory-store.js'
import type { RevocationReason, Session } from '../../../types/session.js'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  RevokeAllFilter,
  SessionChange,
  SessionStore
} from '../../../types/session-store.js'

type Write = (store: SessionStore) => Promise<unknown>

/**
 * A memory store that can fail over and lose its last writes.
 *
 * After a failover the new master is another memory store. It gets the same writes at the same times, without the lost
 * ones.
 */
export class FailoverStore implements SessionStore {
  readonly #now: () => number
  #replayedAt: number | null = null
  #store: MemoryStore
  #writes: { at: number; write: Write }[] = []

  constructor(now: () => number) {
    this.#now = () => this.#replayedAt ?? now()
    this.#store = new MemoryStore({ now: this.#now })
  }

  async failover(lostMs: number): Promise<void> {
    const since = this.#now() - lostMs
    this.#writes = this.#writes.filter(({ at }) => at < since)
    this.#replayedAt = this.#writes[0]?.at ?? null
    this.#store = new MemoryStore({ now: this.#now })
    for (const { at, write } of this.#writes) {
      this.#replayedAt = at
      await write(this.#store)
    }
    this.#replayedAt = null
  }

  create(session: NewSession): Promise<CreateOutcome> {
    return this.#write((store) => store.create(session))
  }

  rotate(refresh: Refresh): Promise<RefreshOutcome> {
    return this.#write((store) => store.rotate(refresh))
  }

  confirm(sid: string, gen: number): Promise<void> {
    return this.#write((store) => store.confirm(sid, gen))
  }

  update(sid: string, change: SessionChange): Promise<Session | null> {
    return this.#write((store) => store.update(sid, change))
  }

  revoke(sids: readonly string[], reason: RevocationReason, idempotencyKey: string): Promise<Session[]> {
    return this.#write((store) => store.revoke(sids, reason, idempotencyKey))
  }

  revokeAll(
    sub: string,
    reason: RevocationReason,
    idempotencyKey: string,
    filter: RevokeAllFilter
  ): Promise<Session[]> {
    return this.#write((store) => store.revokeAll(sub, reason, idempotencyKey, filter))
  }

  get(sid: string): Promise<Session | null> {
    return this.#store.get(sid)
  }

  has(sid: string): Promise<boolean> {
    return this.#store.has(sid)
  }

  now(): Promise<number> {
    return this.#store.now()
  }

  list(sub: string): Promise<Session[]> {
    return this.#store.list(sub)
  }

  #write<T>(write: (store: SessionStore) => Promise<T>): Promise<T> {
    this.#writes.push({ at: this.#now(), write })
    return write(this.#store)
  }
}
