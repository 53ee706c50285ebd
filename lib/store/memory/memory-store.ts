import type { FeedSettings, RevocationFeed } from '../../../types/revocation-feed.js'
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
import { ExpiringMap } from '../../utils/expiring-map.js'
import * as rule from '../rotation-rule.js'
import { metadataOf, replaceLines, toChangedLines, toTexts } from '../session-serialization.js'
import { MemoryFeedHub } from './memory-feed.js'
import { type StoredSession, sessionOf, toMs } from './stored-session.js'
import { UsedProofs } from './used-proofs.js'

/** How long the result of a call is kept for a repeated call with the same idempotency key. */
const RESULT_TTL_US = 60_000_000

/** The longest idle timeout of a session that was created with `remember: false`. */
const NON_PERSISTENT_IDLE_MS = 24 * 60 * 60 * 1000

export interface MemoryStoreOptions {
  /**
   * The clock, in milliseconds since the epoch. Fractions are allowed.
   * @default Date.now
   */
  now?: () => number
}

/** Keeps sessions in the memory of one process. For development, for tests, and if a restart may log users out. */
export class MemoryStore implements SessionStore {
  readonly #now: () => number
  readonly #sessions: ExpiringMap<StoredSession>
  readonly #denylist: ExpiringMap<{ reason: RevocationReason; expiresUs: number }>
  /** The sessions that a call revoked, by idempotency key. */
  readonly #results: ExpiringMap<{ revoked: Session[]; expiresUs: number }>
  readonly #usedProofs: UsedProofs
  /** The session ids of each user, in the order of creation. */
  readonly #users = new Map<string, Set<string>>()
  readonly #feed = new MemoryFeedHub()

  constructor({ now = Date.now }: MemoryStoreOptions = {}) {
    this.#now = () => Math.floor(now() * 1000)
    const nowUs = this.#now()
    this.#sessions = new ExpiringMap(nowUs)
    this.#denylist = new ExpiringMap(nowUs)
    this.#results = new ExpiringMap(nowUs)
    this.#usedProofs = new UsedProofs(nowUs)
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const nowUs = this.#tick()
    const revoked = this.#denylist.get(session.sid, nowUs)
    if (revoked) return { outcome: 'revoked', reason: revoked.reason }

    const existing = this.#sessions.get(session.sid, nowUs)
    const nowMs = toMs(nowUs)
    if (!existing && nowMs > (session.deadlineMs ?? nowMs)) return { outcome: 'deadline-exceeded', nowMs }
    if (!existing && !session.evicts) {
      const sessions = this.#othersOf(session, nowUs)
      if (sessions.length >= session.maxPerUser)
        return { outcome: 'limit-reached', sessions: sessions.map(sessionOf) }
    }
    const evicted = this.#idempotent(session.sid, nowUs, () => (existing ? [] : this.#evict(session, nowUs)))
    return { outcome: 'created', session: sessionOf(existing ?? this.#add(session, nowUs)), nowMs, evicted }
  }

  async rotate(refresh: Refresh): Promise<RefreshOutcome> {
    const nowUs = this.#tick()
    if (!this.#usedProofs.accept(refresh, nowUs)) return { outcome: 'proof-used' }
    const reason = this.#enforceRevocation(refresh, nowUs)
    if (reason) return { outcome: 'revoked', reason }

    const stored = this.#sessions.get(refresh.sid, nowUs)
    if (!stored) return { outcome: 'unknown' }

    const rotation = rule.clampTimes(stored.rotation, nowUs)
    const issue = (issuedUs: number) => ({ session: sessionOf(stored), issuedUs, nowMs: toMs(nowUs) })

    if (rotation.last?.idempotencyKey === refresh.idempotencyKey) {
      const { row, issuedUs } = rotation.last
      const previousMetadata = metadataOf(stored)
      return { outcome: 'rotated', row, rollback: row !== 4, previousMetadata, ...issue(issuedUs) }
    }

    const presented = {
      ...refresh,
      graceUs: refresh.graceMs * 1000,
      accessTtlUs: refresh.proof && refresh.proof.accessTtlMs * 1000
    }
    const row = rule.evaluate(rotation, presented, nowUs)
    switch (row) {
      case 3:
        stored.rotation = rule.confirm(rotation, nowUs)
        return { outcome: 'replayed', row, ...issue(refresh.issuedUs) }
      case 5:
      case 8:
        return { outcome: 'reused', row, session: sessionOf(stored) }
      case 6:
      case 7: {
        const retryAfterMs = Math.ceil(rule.conflictUs(rotation, presented, nowUs) / 1000)
        if (retryAfterMs > 0) return { outcome: 'conflict', row: 7, retryAfterMs, session: sessionOf(stored) }
        if (refresh.reportReplayable) return { outcome: 'replayable', row, session: sessionOf(stored) }
        stored.rotation = rule.reissue(rotation, presented, row, nowUs)
        return { outcome: 'replayed', row, ...issue(stored.rotation.issuedUs) }
      }
      case 10:
        if (refresh.rollback !== 'accept') return { outcome: 'rolled-back', row, session: sessionOf(stored) }
    }

    if (rule.isExhausted(refresh.gen)) return { outcome: 'exhausted', session: sessionOf(stored) }
    stored.rotation = rule.rotate(rotation, refresh, row, nowUs)
    const idleUs = idleTimeoutUs(stored, refresh.idleMs)
    stored.expiresUs = Math.min(nowUs + idleUs, stored.absoluteExpiresUs)
    const previousMetadata = metadataOf(stored)
    if (refresh.requestMetadata) stored.requestMetadata = JSON.stringify(refresh.requestMetadata)
    return {
      outcome: 'rotated',
      row,
      rollback: row !== 4,
      previousMetadata,
      ...issue(stored.rotation.issuedUs)
    }
  }

  async confirm(sid: string, gen: number): Promise<void> {
    const nowUs = this.#tick()
    const stored = this.#sessions.get(sid, nowUs)
    if (stored?.rotation.gen === gen && stored.rotation.current.confirmedAtUs === null) {
      stored.rotation = rule.confirm(rule.clampTimes(stored.rotation, nowUs), nowUs)
    }
  }

  async update(sid: string, change: SessionChange): Promise<Session | null> {
    const nowUs = this.#tick()
    const stored = this.#sessions.get(sid, nowUs)
    if (!stored) return null
    stored.identity = replaceLines(stored.identity, toChangedLines(change), toMs(nowUs))
    return sessionOf(stored)
  }

  async get(sid: string): Promise<Session | null> {
    const stored = this.#sessions.get(sid, this.#tick())
    return stored ? sessionOf(stored) : null
  }

  async has(sid: string): Promise<boolean> {
    return this.#sessions.get(sid, this.#tick()) !== undefined
  }

  async now(): Promise<number> {
    return toMs(this.#tick())
  }

  async list(sub: string): Promise<Session[]> {
    return this.#sessionsOf(sub, this.#tick()).map(sessionOf)
  }

  async revoke(
    sids: readonly string[],
    reason: RevocationReason,
    idempotencyKey: string
  ): Promise<Session[]> {
    const nowUs = this.#tick()
    return this.#idempotent(idempotencyKey, nowUs, () =>
      sids
        .flatMap((sid) => this.#sessions.get(sid, nowUs) ?? [])
        .map((stored) => this.#revoke(stored, reason))
    )
  }

  async revokeAll(
    sub: string,
    reason: RevocationReason,
    idempotencyKey: string,
    { except, createdUntilMs }: RevokeAllFilter
  ): Promise<Session[]> {
    const nowUs = this.#tick()
    // A creation time in the future was read before the clock was set back, so the session is not newer than the call.
    const matches = ({ sid, rotation: { createdUs } }: StoredSession) =>
      sid !== except && (createdUs > nowUs || toMs(createdUs) <= createdUntilMs)
    return this.#idempotent(idempotencyKey, nowUs, () =>
      this.#sessionsOf(sub, nowUs)
        .filter(matches)
        .map((stored) => this.#revoke(stored, reason))
    )
  }

  openFeed(settings: FeedSettings): RevocationFeed {
    return this.#feed.open(settings)
  }

  /** Drops expired entries, and returns the current time in microseconds. */
  #tick(): number {
    const nowUs = this.#now()
    this.#sessions.sweep(nowUs, (stored) => this.#removeFromUser(stored))
    this.#denylist.sweep(nowUs)
    this.#results.sweep(nowUs)
    this.#usedProofs.sweep(nowUs)
    return nowUs
  }

  #add(session: NewSession, nowUs: number): StoredSession {
    const { sid, sub, remember, idleMs, ownIdleMs, ttlMs } = session
    const absoluteExpiresUs = nowUs + ttlMs * 1000
    const expiresUs = Math.min(nowUs + idleTimeoutUs(session, idleMs), absoluteExpiresUs)
    const rotation = rule.initialState(nowUs)
    const lifetimes = { remember, ownIdleMs, expiresUs, absoluteExpiresUs }
    const stored = { ...toTexts(session), sid, sub, rotation, ...lifetimes }
    this.#sessions.set(sid, stored)
    this.#users.set(sub, (this.#users.get(sub) ?? new Set()).add(sid))
    return stored
  }

  #evict(session: NewSession, nowUs: number): Session[] {
    const sessions = this.#othersOf(session, nowUs)
    // With the new session, which is never evicted.
    const excess = Math.max(0, sessions.length + 1 - session.maxPerUser)
    return sessions.slice(0, excess).map((stored) => this.#revoke(stored, 'evicted'))
  }

  /** Returns the sessions that count towards the limit of a login. */
  #othersOf({ sid: newSid, sub, replaces }: NewSession, nowUs: number): StoredSession[] {
    return this.#sessionsOf(sub, nowUs).filter(({ sid }) => sid !== newSid && !replaces.includes(sid))
  }

  #sessionsOf(sub: string, nowUs: number): StoredSession[] {
    return [...(this.#users.get(sub) ?? [])].flatMap((sid) => this.#sessions.get(sid, nowUs) ?? [])
  }

  /**
   * Row 1: returns the reason if the session is on the denylist, or if the calling process has seen its revocation. A
   * revocation that the store lost is written again.
   */
  #enforceRevocation({ sid, knownRevocation }: Refresh, nowUs: number): RevocationReason | null {
    const entry = this.#denylist.get(sid, nowUs)
    if (entry) return entry.reason
    if (!knownRevocation) return null
    const { reason, expiresAtMs } = knownRevocation
    const stored = this.#sessions.get(sid, nowUs)
    if (stored) this.#revoke(stored, reason)
    else this.#denylist.set(sid, { reason, expiresUs: expiresAtMs * 1000 })
    return reason
  }

  /** Deletes a session. The denylist keeps the reason until all tokens of the session have expired. */
  #revoke(stored: StoredSession, reason: RevocationReason): Session {
    this.#sessions.delete(stored.sid)
    this.#removeFromUser(stored)
    this.#denylist.set(stored.sid, { reason, expiresUs: stored.expiresUs })
    return sessionOf(stored)
  }

  #removeFromUser({ sid, sub }: StoredSession): void {
    const sids = this.#users.get(sub)
    sids?.delete(sid)
    if (sids?.size === 0) this.#users.delete(sub)
  }

  #idempotent(key: string, nowUs: number, revoke: () => Session[]): Session[] {
    const saved = this.#results.get(key, nowUs)
    if (saved) return saved.revoked
    const revoked = revoke()
    if (revoked.length > 0) this.#results.set(key, { revoked, expiresUs: nowUs + RESULT_TTL_US })
    return revoked
  }
}

function idleTimeoutUs({ remember, ownIdleMs }: Pick<NewSession, 'remember' | 'ownIdleMs'>, idleMs: number) {
  const longestMs = remember ? Number.POSITIVE_INFINITY : NON_PERSISTENT_IDLE_MS
  return 1000 * Math.min(idleMs, ownIdleMs ?? idleMs, longestMs)
}
