import type { Revocation } from '../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../types/session.js'
import type { LocalRevocation } from '../../../types/session-store.js'
import { retentionOf } from '../../store/recent-revocations.js'
import { elapsedSince, readClocks } from '../../utils/clock.js'
import { ExpiringMap } from '../../utils/expiring-map.js'
import { events } from '../observability/diagnostics.js'

class RevokedSession implements LocalRevocation {
  readonly reason: RevocationReason
  readonly expiresAtMs: number
  /** The feed delivers it to every process. */
  isInFeed: boolean
  /** The epoch in which a call of this process has revoked it completely. */
  settledIn: number | undefined
  readonly #retentionMs: number
  readonly #addedAt = readClocks()

  constructor({ reason, expiresAtMs }: LocalRevocation, isInFeed: boolean, retentionMs: number) {
    this.reason = reason
    this.expiresAtMs = expiresAtMs
    this.isInFeed = isInFeed
    this.#retentionMs = retentionMs
  }

  /**
   * Expires when both clocks show that the retention has passed. The wall clock may have been wrong and be corrected, and
   * access tokens expire by it. The monotonic clock may stop during sleep. `TokenClock` covers a wall clock that is set
   * back after that.
   */
  get expiresUs(): number {
    return nowUs() + (this.#retentionMs - elapsedSince(this.#addedAt).minMs) * 1000
  }
}

/**
 * The revocations that this process has seen, kept as long as an access token of the session may be valid. A revocation
 * is added before the store confirms it, and stays if a failover loses it.
 */
export class RevokedSessions {
  readonly #keyPrefix: string
  readonly #retentionMs: number
  readonly #sessions: ExpiringMap<RevokedSession>
  #epoch = 0

  constructor(keyPrefix: string, accessTokenTtlMs: number) {
    this.#keyPrefix = keyPrefix
    this.#retentionMs = retentionOf(accessTokenTtlMs)
    this.#sessions = new ExpiringMap(nowUs())
  }

  /** @param expiresAtMs when the last token of the session would have expired, by the store's clock */
  add(sid: string, reason: RevocationReason, expiresAtMs: number): void {
    const existing = this.#sessions.get(sid, nowUs())
    this.#set(sid, { reason, expiresAtMs }, existing?.isInFeed ?? false)
    if (!existing) this.#emit([sid], reason)
  }

  /** Adds a revocation that the feed contains. Keeps an existing entry, because a feed delivers more than once. */
  addFromFeed({ sids, reason, expiresAtMs }: Revocation): void {
    const added: string[] = []
    for (const sid of sids) {
      const existing = this.#sessions.get(sid, nowUs())
      if (existing) existing.isInFeed = true
      else {
        this.#set(sid, { reason, expiresAtMs }, true)
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

  /** The number of the master that the store uses. */
  get epoch(): number {
    return this.#epoch
  }

  /** Takes back all that was settled, because a new master may have lost it. */
  startEpoch(): void {
    this.#epoch++
  }

  /**
   * Records that nothing is left to do for these revocations: the store has acknowledged them, the feed contains them, and
   * replicas have them if the options ask for that.
   *
   * @param epoch when the call began. Has no effect if the master has changed since
   */
  settle(sids: readonly string[], epoch: number): void {
    this.#setSettled(sids, epoch)
  }

  /** Takes `settle` back, because a revocation has to be repeated. */
  unsettle(sids: readonly string[]): void {
    this.#setSettled(sids, undefined)
  }

  isSettled(sid: string): boolean {
    return this.#find(sid)?.settledIn === this.#epoch
  }

  #setSettled(sids: readonly string[], epoch: number | undefined): void {
    for (const sid of sids) {
      const revocation = this.#find(sid)
      if (revocation) revocation.settledIn = epoch
    }
  }

  #emit(sids: string[], reason: RevocationReason): void {
    if (events.revoked.hasSubscribers) events.revoked.publish({ keyPrefix: this.#keyPrefix, sids, reason })
  }

  #find(sid: string): RevokedSession | undefined {
    // Every guarded request comes here, and the map is usually empty.
    return this.#sessions.size === 0 ? undefined : this.#sessions.get(sid, nowUs())
  }

  #set(sid: string, revocation: LocalRevocation, isInFeed: boolean): void {
    this.#sessions.sweep(nowUs())
    this.#sessions.set(sid, new RevokedSession(revocation, isInFeed, this.#retentionMs))
  }
}

function nowUs(): number {
  return performance.now() * 1000
}
