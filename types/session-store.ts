import type { FeedSettings, RevocationFeed } from './revocation-feed.js'
import type { Claims, Metadata, RevocationReason, Session } from './session.js'

/**
 * Where sessions live. A store keeps the rule of rotation (ARCHITECTURE.md) and the clock: every time
 * that it gives or compares is its own, so that the clocks of the app servers do not matter.
 *
 * Each method is atomic: it happens whole or not at all, and sees no half of another. Where it writes,
 * it takes an operation id, and a call that reaches the store twice with one id (a client library may
 * send again what was in flight when a connection broke) answers the second time as the first.
 *
 * What a store throws means that it did not answer; the outcomes below are answers.
 */
export interface SessionStore {
  /**
   * Starts a session of generation 1, then evicts the user's oldest (by creation) beyond `maxPerUser`.
   * Refused whole where there is no room for it, or where its deadline has passed. The session's id is the
   * operation id.
   */
  create(session: NewSession): Promise<CreateOutcome>

  /**
   * Decides what a refresh token of generation `gen`, issued at `issuedUs`, is worth, by the ten rows
   * of the rule. Never creates a session. `reused`, `rolled-back`, `exhausted` and `replayable` report,
   * and change nothing.
   */
  rotate(refresh: Refresh): Promise<RefreshOutcome>

  /** The client has proved to hold generation `gen`. Does nothing where that is not the current one. Idempotent. */
  confirm(sid: string, gen: number): Promise<void>

  /** @returns null if there is no live session of that id */
  get(sid: string): Promise<Session | null>

  /** Whether the session lives, by what was last written. */
  has(sid: string): Promise<boolean>

  /** The clock that the sessions of a user go by, in milliseconds since the epoch. */
  now(sub: string): Promise<number>

  /** The user's live sessions, oldest first. */
  list(sub: string): Promise<Session[]>

  /**
   * Ends a session, and remembers why until none of its tokens could be alive.
   * @returns the session, or null if there was none to end: of several that end it, one was the first
   */
  revoke(sid: string, reason: RevocationReason, idempotencyKey: string): Promise<Session | null>

  /**
   * Ends the sessions of a user, likewise.
   * @returns those that it ended
   */
  revokeAll(
    sub: string,
    reason: RevocationReason,
    idempotencyKey: string,
    filter: RevokeAllFilter
  ): Promise<Session[]>

  /**
   * Resolves once the ends of these sessions, all of one user, would survive the loss of the server that
   * holds them, as far as the store was asked to see to that. Throws where it cannot tell, or where one of
   * them is back: then it has to be ended again. Left out: they survive at once.
   */
  waitForReplicas?(sids: string[]): Promise<void>

  /** What of the store's own settings could lose sessions: a sentence each, for the log. */
  warnings?(): Promise<string[]>

  /** Holds nothing of its own open from then on; a client that it was given stays open. */
  close?(): void

  /**
   * How the ends of sessions reach every process that has this store. Left out: `revocation.mode` `'feed'`
   * is not to be had, and guarded routes ask the store.
   */
  openFeed?(settings: FeedSettings): RevocationFeed
}

/** Which sessions go on. */
export interface RevokeAllFilter {
  /** A sid. */
  except?: string | undefined
  /** Those that began later, by the clock of `now`: a call that comes late means what there was before. */
  createdUntilMs: number
}

export interface NewSession {
  /** 27 characters of base64url: the user's tag and 16 bytes that no other session has. */
  sid: string
  sub: string
  /** Absolute lifetime. */
  ttlMs: number
  /** Idle lifetime. */
  idleMs: number
  /** `false`: its idle lifetime is at most 24 hours, now and at each rotation. */
  remember: boolean
  claims: Claims
  /** What the identity brought: kept for good. */
  metadata: Metadata
  /** What the request brought: replaced at each rotation. */
  requestMetadata: Metadata
  maxPerUser: number
  /** By the clock of the store: a call that comes later, from the queue of a client library, does nothing. */
  deadlineMs?: number | undefined
  /** Sids that are about to end for it: they do not count. */
  replaces: string[]
}

export type CreateOutcome =
  | { outcome: 'created'; session: Session; nowMs: number; evicted: Session[] }
  /** The session was ended before it began: its creation came late. */
  | { outcome: 'revoked'; reason: RevocationReason }
  /** The deadline had passed: there is no session, and none was evicted. */
  | { outcome: 'deadline-exceeded'; nowMs: number }

/** A refresh token as it is presented, and the options that judge it. */
export interface Refresh {
  sid: string
  gen: number
  /** Time of issue of this copy, in microseconds since the session began. */
  issuedUs: number
  /** What this process knows of the session's end, where the store may have lost it. */
  knownRevocation?: LocalRevocation | undefined
  /** `W` */
  graceMs: number
  untilConfirmed: boolean
  rollback: 'accept-one' | 'accept'
  /** Report `replayable` instead of replaying in rows 6 and 7. */
  reportReplayable: boolean
  /** Idle lifetime from now on, if it rotates. */
  idleMs: number
  /** Replaces what the last request brought, if it rotates; null keeps it. */
  requestMetadata: Metadata | null
  /** 8 ASCII characters, unique to this call. */
  idempotencyKey: string
}

export interface LocalRevocation {
  reason: RevocationReason
  /** Until when a token of the session could have lived. */
  expiresAtMs: number
}

export type RefreshOutcome =
  | ({ outcome: 'rotated'; row: 4 | 9 | 10; rollback: boolean } & Issuance)
  | ({ outcome: 'replayed'; row: 3 | 6 | 7 } & Issuance)
  | { outcome: 'replayable'; row: 6 | 7; session: Session }
  | { outcome: 'reused'; row: 5 | 8; session: Session }
  | { outcome: 'rolled-back'; row: 10; session: Session }
  /** The generations of the session are used up. */
  | { outcome: 'exhausted'; session: Session }
  | { outcome: 'revoked'; reason: RevocationReason }
  | { outcome: 'unknown' }

/** Which copy of the session's current generation to send. */
export interface Issuance {
  session: Session
  issuedUs: number
  /** The store's clock, for `iat` and `exp`. */
  nowMs: number
}
