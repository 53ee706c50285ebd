import type { Revocation } from '../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../types/session.js'
import type { LocalRevocation } from '../../../types/session-store.js'
import { retentionOf } from '../../store/recent-revocations.js'
import { ExpiringMap } from '../../utils/expiring-map.js'
import { events } from '../observability/diagnostics.js'

interface RevokedSession extends LocalRevocation {
  /** The feed delivers it to every process. */
  isInFeed: boolean
  expiresUs: number
}

/**
 * The revocations that this process has seen, kept as long as an access token of the session may be valid. A revocation
 * is added before the store confirms it, and stays if a failover loses it.
 */
export class RevokedSessions {
  readonly #keyPrefix: string
  readonly #retentionUs: number
  readonly #sessions: ExpiringMap<RevokedSession>

  constructor(keyPrefix: string, accessTokenTtlMs: number) {
    this.#keyPrefix = keyPrefix
    this.#retentionUs = retentionOf(accessTokenTtlMs) * 1000
    this.#sessions = new ExpiringMap(nowUs())
  }

  /** @param expiresAtMs when the last token of the session would have expired, by the store's clock */
  add(sid: string, reason: RevocationReason, expiresAtMs: number): void {
    const existing = this.#sessions.get(sid, nowUs())
    this.#set(sid, { reason, expiresAtMs, isInFeed: existing?.isInFeed ?? false })
    if (!existing) this.#emit([sid], reason)
  }

  /** Adds a revocation that the feed contains. Keeps an existing entry, because a feed delivers more than once. */
  addFromFeed({ sids, reason, expiresAtMs }: Revocation): void {
    const added: string[] = []
    for (const sid of sids) {
      const existing = this.#sessions.get(sid, nowUs())
      if (existing) existing.isInFeed = true
      else {
        this.#set(sid, { reason, expiresAtMs, isInFeed: true })
        added.push(sid)
      }
    }
    if (added.length > 0) this.#emit(added, reason)
  }

  get(sid: string): LocalRevocation | undefined {
    return this.#find(sid)
  }

  isInFeed(sid: string): boolean {
    return this.#find(sid)?.isInFeed ?? false
  }

  #emit(sids: string[], reason: RevocationReason): void {
    if (events.revoked.hasSubscribers) events.revoked.publish({ keyPrefix: this.#keyPrefix, sids, reason })
  }

  #find(sid: string): RevokedSession | undefined {
    // Every guarded request comes here, and the map is usually empty.
    return this.#sessions.size === 0 ? undefined : this.#sessions.get(sid, nowUs())
  }

  #set(sid: string, session: Omit<RevokedSession, 'expiresUs'>): void {
    const now = nowUs()
    this.#sessions.sweep(now)
    this.#sessions.set(sid, { ...session, expiresUs: now + this.#retentionUs })
  }
}

/**
 * Uses the earlier of wall clock and monotonic clock, so that no entry expires too soon. The wall clock may be set back,
 * and the monotonic clock may stop during sleep.
 */
function nowUs(): number {
  return Math.min(Date.now(), performance.timeOrigin + performance.now()) * 1000
}
