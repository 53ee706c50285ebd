import type { FeedSettings, RevocationFeed } from '../../../types/revocation-feed.js'
import type { RevocationReason, Session } from '../../../types/session.js'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  RevokeAllFilter,
  SessionStore
} from '../../../types/session-store.js'
import { ExpiringMap } from '../../utils/expiring-map.js'
import {
  clampTimes,
  confirm,
  evaluate,
  initialState,
  isExhausted,
  type Rotation,
  reissue,
  rotate
} from '../rotation-rule.js'
import { type StoredTexts, toSession, toTexts } from '../session-serialization.js'
import { MemoryFeedHub } from './memory-feed.js'

/** How long the answer to an operation is kept, for when it comes again. */
const ANSWER_US = 60_000_000

interface StoredSession extends StoredTexts {
  sid: string
  sub: string
  remember: boolean
  rotation: Rotation
  expiresUs: number
  endsUs: number
}

export interface MemoryStoreOptions {
  /**
   * The clock: milliseconds since the epoch, fractions welcome.
   * @default Date.now
   */
  now?: () => number
}

/** Sessions in the memory of one process: for development, for tests, and where a restart may log out. */
export class MemoryStore implements SessionStore {
  readonly #now: () => number
  readonly #sessions: ExpiringMap<StoredSession>
  readonly #denylist: ExpiringMap<{ reason: RevocationReason; expiresUs: number }>
  /** What operations answered. */
  readonly #answers: ExpiringMap<{ ended: Session[]; expiresUs: number }>
  /** Each user's sids, in the order of their creation. */
  readonly #users = new Map<string, Set<string>>()
  readonly #feed = new MemoryFeedHub()

  constructor({ now = Date.now }: MemoryStoreOptions = {}) {
    this.#now = () => Math.floor(now() * 1000)
    const nowUs = this.#now()
    this.#sessions = new ExpiringMap(nowUs)
    this.#denylist = new ExpiringMap(nowUs)
    this.#answers = new ExpiringMap(nowUs)
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const nowUs = this.#tick()
    const revoked = this.#denylist.get(session.sid, nowUs)
    if (revoked) return { outcome: 'revoked', reason: revoked.reason }

    const before = this.#sessions.get(session.sid, nowUs)
    const nowMs = toMs(nowUs)
    if (!before && nowMs > (session.deadlineMs ?? nowMs)) return { outcome: 'deadline-exceeded', nowMs }
    const stored = before ?? this.#add(session, nowUs)
    const evicted = this.#idempotent(session.sid, nowUs, () => this.#evict(session, nowUs))
    return { outcome: 'created', session: view(stored), nowMs, evicted }
  }

  async rotate(refresh: Refresh): Promise<RefreshOutcome> {
    const nowUs = this.#tick()
    const reason = this.#revokedAs(refresh, nowUs)
    if (reason) return { outcome: 'revoked', reason }

    const stored = this.#sessions.get(refresh.sid, nowUs)
    if (!stored) return { outcome: 'unknown' }

    const rotation = clampTimes(stored.rotation, nowUs)
    const issue = (issuedUs: number) => ({ session: view(stored), issuedUs, nowMs: toMs(nowUs) })

    if (rotation.last?.idempotencyKey === refresh.idempotencyKey) {
      const { row, issuedUs } = rotation.last
      return { outcome: 'rotated', row, rollback: row !== 4, ...issue(issuedUs) }
    }

    const row = evaluate(rotation, { ...refresh, graceUs: refresh.graceMs * 1000 }, nowUs)
    switch (row) {
      case 3:
        stored.rotation = confirm(rotation, nowUs)
        return { outcome: 'replayed', row, ...issue(refresh.issuedUs) }
      case 5:
      case 8:
        return { outcome: 'reused', row, session: view(stored) }
      case 6:
      case 7:
        if (refresh.reportReplayable) return { outcome: 'replayable', row, session: view(stored) }
        stored.rotation = reissue(rotation, nowUs)
        return { outcome: 'replayed', row, ...issue(stored.rotation.issuedUs) }
      case 10:
        if (refresh.rollback !== 'accept') return { outcome: 'rolled-back', row, session: view(stored) }
    }

    if (isExhausted(refresh.gen)) return { outcome: 'exhausted', session: view(stored) }
    stored.rotation = rotate(rotation, refresh, row, nowUs)
    stored.expiresUs = idleEnd(refresh.idleMs, stored, nowUs)
    if (refresh.requestMetadata) stored.requestMetadata = JSON.stringify(refresh.requestMetadata)
    return { outcome: 'rotated', row, rollback: row !== 4, ...issue(stored.rotation.issuedUs) }
  }

  async confirm(sid: string, gen: number): Promise<void> {
    const nowUs = this.#tick()
    const stored = this.#sessions.get(sid, nowUs)
    if (stored?.rotation.gen === gen && stored.rotation.current.confirmedAtUs === null) {
      stored.rotation = confirm(clampTimes(stored.rotation, nowUs), nowUs)
    }
  }

  async get(sid: string): Promise<Session | null> {
    const stored = this.#sessions.get(sid, this.#tick())
    return stored ? view(stored) : null
  }

  async has(sid: string): Promise<boolean> {
    return this.#sessions.get(sid, this.#tick()) !== undefined
  }

  async now(): Promise<number> {
    return toMs(this.#tick())
  }

  async list(sub: string): Promise<Session[]> {
    return this.#sessionsOf(sub, this.#tick()).map(view)
  }

  async revoke(sid: string, reason: RevocationReason, operation: string): Promise<Session | null> {
    const nowUs = this.#tick()
    const stored = this.#sessions.get(sid, nowUs)
    const ended = this.#idempotent(operation, nowUs, () => (stored ? [this.#end(stored, reason)] : []))
    return ended[0] ?? null
  }

  async revokeAll(
    sub: string,
    reason: RevocationReason,
    operation: string,
    { except, createdUntilMs }: RevokeAllFilter
  ): Promise<Session[]> {
    const nowUs = this.#tick()
    // A time that lies ahead is that of a clock that was set back: the session is as old as any.
    const isMeant = (createdUs: number) => createdUs > nowUs || toMs(createdUs) <= createdUntilMs
    return this.#idempotent(operation, nowUs, () =>
      this.#sessionsOf(sub, nowUs)
        .filter(({ sid, rotation }) => sid !== except && isMeant(rotation.createdUs))
        .map((stored) => this.#end(stored, reason))
    )
  }

  openFeed(settings: FeedSettings): RevocationFeed {
    return this.#feed.open(settings)
  }

  /** The time, after what is due by then was dropped. */
  #tick(): number {
    const nowUs = this.#now()
    this.#sessions.sweep(nowUs, (stored) => this.#unlist(stored))
    this.#denylist.sweep(nowUs)
    this.#answers.sweep(nowUs)
    return nowUs
  }

  #add(session: NewSession, nowUs: number): StoredSession {
    const { sid, sub, remember, idleMs } = session
    const endsUs = nowUs + session.ttlMs * 1000
    const expiresUs = idleEnd(idleMs, { remember, endsUs }, nowUs)
    const stored = {
      ...toTexts(session),
      sid,
      sub,
      remember,
      rotation: initialState(nowUs),
      expiresUs,
      endsUs
    }
    this.#sessions.set(sid, stored)
    this.#users.set(sub, (this.#users.get(sub) ?? new Set()).add(sid))
    return stored
  }

  #evict({ sub, maxPerUser, replaces }: NewSession, nowUs: number): Session[] {
    const sessions = this.#sessionsOf(sub, nowUs).filter(({ sid }) => !replaces.includes(sid))
    return sessions
      .slice(0, Math.max(0, sessions.length - maxPerUser))
      .map((stored) => this.#end(stored, 'evicted'))
  }

  #sessionsOf(sub: string, nowUs: number): StoredSession[] {
    const sids = this.#users.get(sub) ?? []
    return [...sids].flatMap((sid) => this.#sessions.get(sid, nowUs) ?? [])
  }

  /** Row 1: what the blacklist holds, or this process knows. What was lost is written again. */
  #revokedAs({ sid, knownRevocation }: Refresh, nowUs: number): RevocationReason | null {
    const entry = this.#denylist.get(sid, nowUs)
    if (entry) return entry.reason
    if (!knownRevocation) return null
    const stored = this.#sessions.get(sid, nowUs)
    if (stored) this.#end(stored, knownRevocation.reason)
    else
      this.#denylist.set(sid, {
        reason: knownRevocation.reason,
        expiresUs: knownRevocation.expiresAtMs * 1000
      })
    return knownRevocation.reason
  }

  /** Deletes a session, and blacklists it for as long as one of its tokens could be alive. */
  #end(stored: StoredSession, reason: RevocationReason): Session {
    this.#sessions.delete(stored.sid)
    this.#unlist(stored)
    this.#denylist.set(stored.sid, { reason, expiresUs: stored.expiresUs })
    return view(stored)
  }

  #unlist({ sid, sub }: StoredSession): void {
    const sids = this.#users.get(sub)
    sids?.delete(sid)
    if (sids?.size === 0) this.#users.delete(sub)
  }

  #idempotent(operation: string, nowUs: number, run: () => Session[]): Session[] {
    const before = this.#answers.get(operation, nowUs)
    if (before) return before.ended
    const ended = run()
    if (ended.length > 0) this.#answers.set(operation, { ended, expiresUs: nowUs + ANSWER_US })
    return ended
  }
}

function idleEnd(
  idleMs: number,
  { remember, endsUs }: Pick<StoredSession, 'remember' | 'endsUs'>,
  nowUs: number
): number {
  const idle = remember ? idleMs : Math.min(idleMs, NON_PERSISTENT_IDLE_MS)
  return Math.min(nowUs + idle * 1000, endsUs)
}

function view(stored: StoredSession): Session {
  const { sid, sub, remember, rotation, expiresUs, endsUs } = stored
  return toSession({ sid, sub, gen: rotation.gen, remember }, stored, {
    createdMs: toMs(rotation.createdUs),
    lastUsedMs: toMs(rotation.current.issuedAtUs ?? rotation.createdUs),
    expiresMs: toMs(expiresUs),
    endsMs: toMs(endsUs)
  })
}

function toMs(timeUs: number): number {
  return Math.floor(timeUs / 1000)
}

/** Idle lifetime at the most, for sessions that are not to be remembered. */
export const NON_PERSISTENT_IDLE_MS = 24 * 60 * 60 * 1000
