import type { Metadata, RevocationReason } from './session.js'

/** The session of an event. No event contains a token. */
export interface SessionEvent {
  /**
   * Names the cause: `created:<sid>`, `refreshed:` and 8 characters, or `ended:<sid>`. An event is emitted once. If a failover
   * of the store loses a write, another process can emit it again, with the same id.
   */
  id: string
  sub: string
  sid: string
  /** Generation. */
  gen: number
  metadata: Metadata
}

/** A session was created. */
export interface LoginEvent extends SessionEvent {}

/** A refresh token was exchanged. */
export interface RefreshEvent extends SessionEvent {
  /** `replayed`: the token was accepted again without a rotation, because of a retry or a parallel request. */
  outcome: 'rotated' | 'replayed'
  /** The row of the rule that decided. See docs/reference/rotation-rule.md. */
  row: number
  /** `true` if the token shows that the store lost an acknowledged write, for example in a failover. */
  rollback: boolean
  /** The metadata before the refresh, to notice another country or device. Equal to `metadata` after a replay. */
  previousMetadata: Metadata
}

/** A session was revoked for another reason than reuse or rollback. */
export interface LogoutEvent extends SessionEvent {
  reason: Exclude<RevocationReason, 'reuse' | 'rollback'>
}

/** Reuse or a rollback was detected, and the session was revoked. */
export interface ReuseEvent extends SessionEvent {
  /** `reuse`: the token was retired. `rollback`: the token was ahead of the store by more than one rotation. */
  reason: 'reuse' | 'rollback'
  /** The row of the rule that decided. See docs/reference/rotation-rule.md. */
  row: number
}
