import type { FeedSettings, MasterEvent, RevocationFeed } from './revocation-feed.js'
import type { Authentication, Claims, Metadata, RevocationReason, Session } from './session.js'

/**
 * Stores sessions. A store implements the rotation rule (docs/reference/rotation-rule.md) and owns the clock: it returns
 * and compares only its own times, so that the clocks of the application servers do not matter.
 *
 * Each method is atomic: it takes effect completely or not at all, and never sees a partial effect of another call. A
 * Redis client may send a call again after its connection broke. Therefore every method that writes, except the
 * idempotent `confirm`, has an idempotency key: a second call with the same key returns the result of the first.
 *
 * An exception means that the store did not answer. Every outcome below is an answer.
 */
export interface SessionStore {
  /**
   * Creates a session with generation 1, then evicts the user's oldest sessions (by creation) beyond `maxPerUser`.
   * Creates and evicts nothing if the store is full or the deadline has passed, or if the user has `maxPerUser` sessions and
   * `evicts` is false. The session id is the idempotency key.
   */
  create(session: NewSession): Promise<CreateOutcome>

  /**
   * Applies the ten rows of the rotation rule to a refresh token of generation `gen` that was issued at `issuedUs`.
   * Never creates a session. `replayable`, `conflict`, `reused`, `rolled-back`, `exhausted` and `proof-used` change nothing.
   * Row 0, after rows 1 and 2: returns `proof-used` if another call for this session has used the proof. Otherwise remembers
   * the proof, whatever the row that decides.
   */
  rotate(refresh: Refresh): Promise<RefreshOutcome>

  /** Records that the client holds generation `gen`. Does nothing unless `gen` is the current generation. Idempotent. */
  confirm(sid: string, gen: number): Promise<void>

  /**
   * Changes an active session. Each property of the change replaces the stored value, and the others stay. A repeated call
   * sets the same values again.
   * @returns the changed session, or `null` if there is no active session with this id
   */
  update(sid: string, change: SessionChange): Promise<Session | null>

  /** @returns `null` if there is no active session with this id */
  get(sid: string): Promise<Session | null>

  /** Returns whether the session is active. Must include the latest write, so a replica may not answer. */
  has(sid: string): Promise<boolean>

  /** Returns the clock that applies to the user's sessions, in milliseconds since the epoch. */
  now(sub: string): Promise<number>

  /** Returns the user's active sessions, oldest first. */
  list(sub: string): Promise<Session[]>

  /**
   * Revokes sessions of one user. Keeps the reason of each until all its tokens have expired.
   * @param sids different ids that begin with the same tag
   * @returns the sessions that this call revoked. Of several concurrent calls one gets a session
   */
  revoke(sids: readonly string[], reason: RevocationReason, idempotencyKey: string): Promise<Session[]>

  /**
   * Revokes the sessions of a user that match the filter. Keeps the reason like `revoke`.
   * @returns the sessions that this call revoked
   */
  revokeAll(
    sub: string,
    reason: RevocationReason,
    idempotencyKey: string,
    filter: RevokeAllFilter
  ): Promise<Session[]>

  /**
   * Resolves once a write is durable to the configured degree, for example acknowledged by N replicas. Called after the
   * writes that the option `durability.of` names. Omit it if a write is durable as soon as its method resolves.
   * @returns the reason if a session that must exist was revoked meanwhile
   * @throws if durability is unknown, or if the write was undone. The caller then revokes again, or fails the request
   */
  waitForReplicas?(write: DurableWrite): Promise<RevocationReason | undefined>

  /** Returns warnings about settings of the store that can lose sessions. Each is one sentence for the log. */
  warnings?(): Promise<string[]>

  /** Closes the resources that the store itself opened. A client that was passed to the store stays open. */
  close?(): void

  /**
   * Opens the feed that delivers revocations to every process that uses this store. Without it, `revocation.mode` cannot
   * be `'feed'`, and guarded routes query the store by default.
   */
  openFeed?(settings: FeedSettings): RevocationFeed

  /**
   * Starts to reject calls while the client of the store uses a server that was replaced, because its writes are lost.
   * Called when the application starts, unless `revocation.mode` is `'feed'`: then the feed does this. Must not wait for
   * the server. Omit it if the server cannot be replaced.
   * @returns a function that ends the watch
   */
  watchMaster?(settings: MasterWatchSettings): () => void
}

export interface MasterWatchSettings extends Pick<FeedSettings, 'storeTimeoutMs' | 'onMasterChanged'> {
  /** Called when the result of the comparison changes. */
  onEvent(event: MasterEvent): void
}

/** What must be durable: the revocation of sessions of one user, or a session that has reached a generation. */
export type DurableWrite = { revoked: string[] } | { sid: string; gen: number }

/** Selects the sessions that `revokeAll` revokes. */
export interface RevokeAllFilter {
  /** The id of a session to keep. */
  except?: string | undefined
  /** Keeps sessions that were created later, by the clock of `now`, so that a delayed call does not revoke them. */
  createdUntilMs: number
}

export interface NewSession {
  /** 32 characters of base64url: the user's tag and 20 characters that no other session has. */
  sid: string
  sub: string
  /** Absolute lifetime. */
  ttlMs: number
  /** Idle timeout. */
  idleMs: number
  /** The idle timeout of this session, if it has its own. Each rotation uses the shorter one of this and its own `idleMs`. */
  ownIdleMs?: number | undefined
  /** `false` limits the idle timeout to 24 hours, now and at each rotation. */
  remember: boolean
  claims: Claims
  /** The thumbprint of the key that the session is bound to. Only for `Session.jkt`: the refresh token decides. */
  jkt?: string | undefined
  /** Metadata of the identity. Never changes. */
  metadata: Metadata
  /** How the user authenticated. The time is that of the creation. */
  authentication: Authentication
  /** Metadata of the request. Each rotation replaces it. */
  requestMetadata: Metadata
  maxPerUser: number
  /** Whether the user's oldest sessions beyond `maxPerUser` are evicted. Otherwise the session is not created. */
  evicts: boolean
  /** By the clock of the store. A call that a Redis client sends later, from its queue, has no effect. */
  deadlineMs?: number | undefined
  /** Ids of sessions that this login replaces. They do not count towards `maxPerUser`. */
  replaces: string[]
}

export type CreateOutcome =
  | { outcome: 'created'; session: Session; nowMs: number; evicted: Session[] }
  /** The session was revoked before this call arrived. */
  | { outcome: 'revoked'; reason: RevocationReason }
  /** The user has `maxPerUser` sessions. No session was created or evicted. */
  | { outcome: 'limit-reached'; sessions: Session[] }
  /** The deadline had passed. No session was created or evicted. */
  | { outcome: 'deadline-exceeded'; nowMs: number }

/** What `update` replaces. A property that is `undefined` stays. */
export interface SessionChange {
  claims?: Claims | undefined
  /** The name of the device. `null` removes it. */
  name?: string | null | undefined
  /** How the user authenticated. The time becomes that of the call. */
  authentication?: Authentication | undefined
}

/** A presented refresh token, and the options that apply to it. */
export interface Refresh {
  sid: string
  /** Generation of the token. */
  gen: number
  /** Time of issue of this copy, in microseconds since the session was created. */
  issuedUs: number
  /** A revocation of the session that this process has seen, because the store may have lost it. */
  knownRevocation?: LocalRevocation | undefined
  /** The grace period. */
  graceMs: number
  untilConfirmed: boolean
  rollback: 'accept-one' | 'accept'
  /** Returns `replayable` instead of replaying in rows 6 and 7. */
  reportReplayable: boolean
  /** Idle timeout from now on, if the session is rotated. */
  idleMs: number
  /** Replaces the metadata of the last request, if the session is rotated. `null` keeps it. */
  requestMetadata: Metadata | null
  /** 8 ASCII characters, unique to this call. */
  idempotencyKey: string
  /** The proof of this request. Only if the session is bound to a key. */
  proof?: UsedProof | undefined
}

/** A proof that the store remembers, so that in all processes together it serves one request. */
export interface UsedProof {
  /** 22 characters of base64url, unique to this proof. It must not be used again for another session of the user. */
  id: string
  /** How long to remember it. */
  rememberMs: number
  /**
   * The lifetime of an access token. Row 7 also replays the token that was retired last if all access tokens of its successor
   * have expired.
   */
  accessTtlMs: number
}

export interface LocalRevocation {
  reason: RevocationReason
  /** When the last token of the session would have expired. */
  expiresAtMs: number
}

export type RefreshOutcome =
  /** `previousMetadata` is the metadata of the session before the rotation. */
  | ({ outcome: 'rotated'; row: 4 | 9 | 10; rollback: boolean; previousMetadata: Metadata } & Issuance)
  | ({ outcome: 'replayed'; row: 3 | 6 | 7 } & Issuance)
  | { outcome: 'replayable'; row: 6 | 7; session: Session }
  /** The grace period of the token is over, but a client on a slow network may still hold it. */
  | { outcome: 'conflict'; row: 7; retryAfterMs: number; session: Session }
  | { outcome: 'reused'; row: 5 | 8; session: Session }
  | { outcome: 'rolled-back'; row: 10; session: Session }
  /** The session has used its last generation. */
  | { outcome: 'exhausted'; session: Session }
  | { outcome: 'revoked'; reason: RevocationReason }
  /** Another call has used the proof. Nothing changed. */
  | { outcome: 'proof-used' }
  | { outcome: 'unknown' }

/** The copy of the current generation to issue. */
export interface Issuance {
  session: Session
  issuedUs: number
  /** The store's clock, for `iat` and `exp`. */
  nowMs: number
}
