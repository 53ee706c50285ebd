import type { FeedEvent } from './revocation-feed.js'
import type { RevocationReason } from './session.js'

/** In every message: the registration that it comes from. No message ever holds a token, a cookie, claims or a secret. */
export interface DiagnosticsMessage {
  /** The option of that name. */
  keyPrefix: string
}

/** What happened, by the name of its channel: `node:diagnostics_channel`. */
export interface DiagnosticsEvents {
  'fastify-refresh-token:login': LoginMessage
  'fastify-refresh-token:refresh': RefreshMessage
  'fastify-refresh-token:logout': LogoutMessage
  'fastify-refresh-token:revoked': RevokedMessage
  'fastify-refresh-token:store-error': StoreErrorMessage
  'fastify-refresh-token:feed': FeedMessage
  'fastify-refresh-token:feed-read': FeedReadMessage
}

/**
 * What takes time, by the name of its tracing channel. The message of a call is one object from its start to
 * its end; what is optional is there at the end. A call that fails has its `error`, too.
 */
export interface DiagnosticsOperations {
  'fastify-refresh-token:create': CreateOperation
  'fastify-refresh-token:refresh': RefreshOperation
  'fastify-refresh-token:revoke': RevokeOperation
  'fastify-refresh-token:revoke-all': RevokeAllOperation
  'fastify-refresh-token:store': StoreOperation
}

/** One of its messages for each session and event. */
interface SessionMessage extends DiagnosticsMessage {
  sub: string
  sid: string
  gen: number
}

/** A session has begun. */
export interface LoginMessage extends SessionMessage {}

/** The store has decided on a refresh token. */
export interface RefreshMessage extends SessionMessage {
  /**
   * `reused` and `rolled-back` have ended the session, and are told once for it: the token was retired, or
   * ahead of the store by more than one rotation.
   */
  outcome: 'rotated' | 'replayed' | 'reused' | 'rolled-back'
  /** The row of the rule that decided: see docs/reference/rotation-rule.md. */
  row: number
  /** The store had lost an acknowledged write (a failover), which the token proved. */
  rollback: boolean
}

/** A session has ended, for whatever reason but theft. Told once, in the process that ended it. */
export interface LogoutMessage extends SessionMessage {
  reason: Exclude<RevocationReason, 'reuse' | 'rollback'>
}

/**
 * This process has learned that sessions have ended, or are about to: by its own doing or through the feed. From
 * now on it refuses their access tokens. Once for each session.
 */
export interface RevokedMessage extends DiagnosticsMessage {
  sids: string[]
  reason: RevocationReason
}

/** The store did not answer a question. */
export interface StoreErrorMessage extends DiagnosticsMessage {
  operation: StoreOperationName
  /** What the client library said, or how long it was waited for. */
  reason: string
  durationMs: number
}

/** The state of the feed has changed. */
export type FeedMessage = DiagnosticsMessage & Exclude<FeedEvent, { state: 'read' }>

/** The feed has been read to its end, as is done some times in each `revocation.staleAfter`. */
export interface FeedReadMessage extends DiagnosticsMessage {
  /** How many entries there were. */
  entries: number
  /**
   * How long the oldest of them was on its way, by the clocks of the store and of this process: off by as much as
   * they differ. Undefined where none came, and where old ones were read again.
   */
  lagMs?: number | undefined
}

/** A login, `reply.startSession` or `app.sessions.create`. */
export interface CreateOperation extends DiagnosticsMessage {
  sub?: string
  sid?: string
  gen?: number
}

export interface RefreshOperation extends DiagnosticsMessage {
  sid: string
  sub?: string
  /** The generation that was answered. */
  gen?: number
}

/** One session is ended: a logout, the removal of a device, `app.sessions.revoke`. */
export interface RevokeOperation extends DiagnosticsMessage {
  sid: string
  reason: RevocationReason
  /** Whether there was one to end. */
  revoked?: boolean
}

/** All sessions of a user are ended. */
export interface RevokeAllOperation extends DiagnosticsMessage {
  sub: string
  reason: RevocationReason
  /** How many there were. */
  revoked?: number
}

/** A question to the store, and its answer. */
export interface StoreOperation extends DiagnosticsMessage {
  operation: StoreOperationName
}

/** The method of the store; `announce` adds to the revocation feed. */
export type StoreOperationName =
  | 'create'
  | 'rotate'
  | 'confirm'
  | 'get'
  | 'has'
  | 'now'
  | 'list'
  | 'revoke'
  | 'revokeAll'
  | 'waitForReplicas'
  | 'warnings'
  | 'publish'
