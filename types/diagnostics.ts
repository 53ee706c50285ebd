import type { FeedEvent } from './revocation-feed.js'
import type { Metadata, RevocationReason } from './session.js'

/** The property of every message. No message contains a token, a cookie, claims or a secret. */
export interface DiagnosticsMessage {
  /** Option `keyPrefix` of the registration that emits the message. */
  keyPrefix: string
}

/** The message of each channel of `node:diagnostics_channel`, by its name. */
export interface DiagnosticsEvents {
  'fastify-refresh-token:login': LoginMessage
  'fastify-refresh-token:refresh': RefreshMessage
  'fastify-refresh-token:logout': LogoutMessage
  'fastify-refresh-token:revoked': RevokedMessage
  'fastify-refresh-token:proof-refused': ProofRefusedMessage
  'fastify-refresh-token:store-error': StoreErrorMessage
  'fastify-refresh-token:feed': FeedMessage
  'fastify-refresh-token:feed-read': FeedReadMessage
}

/**
 * The message of each tracing channel, by its name. All events of a call share one message object. Its optional
 * properties are set when the call ends. The message of a failed call also has an `error`.
 */
export interface DiagnosticsOperations {
  'fastify-refresh-token:create': CreateOperation
  'fastify-refresh-token:refresh': RefreshOperation
  'fastify-refresh-token:revoke': RevokeOperation
  'fastify-refresh-token:revoke-all': RevokeAllOperation
  'fastify-refresh-token:store': StoreOperation
}

/** The properties of messages about one session. */
interface SessionMessage extends DiagnosticsMessage {
  /** The id of the event, as in the hooks. */
  id: string
  sub: string
  sid: string
  /** Generation. */
  gen: number
}

/** A session was created. */
export interface LoginMessage extends SessionMessage {}

/** A refresh token of a bound session came without a proof of its key. The session continues. */
export interface ProofRefusedMessage extends DiagnosticsMessage {
  sid: string
  /** `required`: the request had no proof. `mismatch`: the proof was by another key. */
  reason: 'required' | 'mismatch'
}

/** The store applied the rotation rule to a refresh token. */
export interface RefreshMessage extends SessionMessage {
  /**
   * `conflict`: the token was retired, but too recently to count as reuse. Nothing changed, and no hook was called.
   *
   * `reused`: the token was retired. `rolled-back`: the token was ahead of the store by more than one rotation. Both
   * revoke the session, and are emitted once per session.
   */
  outcome: 'rotated' | 'replayed' | 'conflict' | 'reused' | 'rolled-back'
  /** The row of the rule that decided. See docs/reference/rotation-rule.md. */
  row: number
  /** `true` if the token shows that the store lost an acknowledged write, for example in a failover. */
  rollback: boolean
  /** The metadata before the refresh and after it. Only if the outcome is `rotated` or `replayed`. */
  previousMetadata?: Metadata
  metadata?: Metadata
}

/** A session was revoked for another reason than reuse or rollback. Emitted once, in the process that revoked it. */
export interface LogoutMessage extends SessionMessage {
  reason: Exclude<RevocationReason, 'reuse' | 'rollback'>
}

/**
 * This process rejects the access tokens of these sessions from now on. It received the revocation through the feed, or
 * it revokes the sessions itself. Emitted once per session in each process.
 */
export interface RevokedMessage extends DiagnosticsMessage {
  sids: string[]
  reason: RevocationReason
}

/** A store call failed. */
export interface StoreErrorMessage extends DiagnosticsMessage {
  operation: StoreOperationName
  /** The error message of the Redis client, or the timeout. */
  reason: string
  durationMs: number
}

/** The state of the feed or of the store's client changed. */
export type FeedMessage = DiagnosticsMessage & Exclude<FeedEvent, { state: 'read' }>

/** The reader reached the end of the feed. It does so several times per `revocation.staleAfter`. */
export interface FeedReadMessage extends DiagnosticsMessage {
  /** Number of entries. */
  entries: number
  /**
   * Delay of the oldest entry in milliseconds. Includes the difference between the clocks of the store and of this
   * process. `undefined` if there were no entries, or if old entries were read again.
   */
  lagMs?: number | undefined
}

/** Creates a session: a login, `reply.startSession` or `app.sessions.create`. */
export interface CreateOperation extends DiagnosticsMessage {
  sub?: string
  sid?: string
  gen?: number
}

/** Exchanges a refresh token: a refresh, `reply.refreshSession` or `app.sessions.refresh`. */
export interface RefreshOperation extends DiagnosticsMessage {
  sid: string
  sub?: string
  /** Generation of the new tokens. */
  gen?: number
}

/** Revokes sessions: a logout, the removal of a device or `app.sessions.revoke`. */
export interface RevokeOperation extends DiagnosticsMessage {
  /** Usually one. A logout revokes the session of each token in the request. */
  sids: string[]
  reason: RevocationReason
  /** Number of sessions that this call revoked. */
  revoked?: number
}

/** Revokes all sessions of a user. */
export interface RevokeAllOperation extends DiagnosticsMessage {
  sub: string
  reason: RevocationReason
  /** Number of sessions that this call revoked. */
  revoked?: number
}

/** Calls the store. */
export interface StoreOperation extends DiagnosticsMessage {
  operation: StoreOperationName
}

/** The method of the store. `publish` adds to the revocation feed. */
export type StoreOperationName =
  | 'create'
  | 'rotate'
  | 'confirm'
  | 'update'
  | 'get'
  | 'has'
  | 'now'
  | 'list'
  | 'revoke'
  | 'revokeAll'
  | 'waitForReplicas'
  | 'warnings'
  | 'publish'
