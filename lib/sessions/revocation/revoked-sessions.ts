import type { Revocation } from '../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../types/session.js'
import type { KnownRevocation } from '../../../types/session-store.js'
import { retentionOf } from '../../store/recent-revocations.js'
import { ExpiringMap } from '../../utils/expiring-map.js'
import { events } from '../observability/diagnostics.js'

interface RevokedSession extends KnownRevocation {
  /** Every process is certain to hear of it. */
  isInFeed: boolean
  expiresUs: number
}

/**
 * What this process knows of sessions that have ended, for as long as one of their access tokens may
 * live. It knows before the store does, and still knows when a failover makes the store forget.
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

  /** @param expiresAtMs until when a token of the session could have lived, by the store's clock */
  add(sid: string, reason: RevocationReason, expiresAtMs: number): void {
    const known = this.#sessions.get(sid, nowUs())
    this.#set(sid, { reason, expiresAtMs, isInFeed: known?.isInFeed ?? false })
    if (!known) this.#tell([sid], reason)
  }

  /** What the feed tells. It is kept from when it was first heard: a feed tells more than once. */
  hear({ sids, reason, expiresAtMs }: Revocation): void {
    const news: string[] = []
    for (const sid of sids) {
      const known = this.#sessions.get(sid, nowUs())
      if (known) known.isInFeed = true
      else {
        this.#set(sid, { reason, expiresAtMs, isInFeed: true })
        news.push(sid)
      }
    }
    if (news.length > 0) this.#tell(news, reason)
  }

  get(sid: string): KnownRevocation | undefined {
    return this.#find(sid)
  }

  isInFeed(sid: string): boolean {
    return this.#find(sid)?.isInFeed ?? false
  }

  #tell(sids: string[], reason: RevocationReason): void {
    if (events.revoked.hasSubscribers) events.revoked.publish({ keyPrefix: this.#keyPrefix, sids, reason })
  }

  #find(sid: string): RevokedSession | undefined {
    // Nearly always it is empty, and this is asked at each request.
    return this.#sessions.size === 0 ? undefined : this.#sessions.get(sid, nowUs())
  }

  #set(sid: string, session: Omit<RevokedSession, 'expiresUs'>): void {
    const now = nowUs()
    this.#sessions.sweep(now)
    this.#sessions.set(sid, { ...session, expiresUs: now + this.#retentionUs })
  }
}

/** The clock that says "earlier": a token expires by the one, which may be set back, and the other stands still in sleep. */
function nowUs(): number {
  return Math.min(Date.now(), performance.timeOrigin + performance.now()) * 1000
}
