import type { Metadata, RevocationReason } from './session.js'

/** What each event tells of its session. Never a token. */
export interface SessionEvent {
  sub: string
  sid: string
  gen: number
  metadata: Metadata
}

export interface LoginEvent extends SessionEvent {}

export interface RefreshEvent extends SessionEvent {
  /** `replayed`: answered without rotating; a retry or a race, nothing that speaks of theft. */
  outcome: 'rotated' | 'replayed'
  /** The row of the rule that decided: see docs/reference/rotation-rule.md. */
  row: number
  /** The store had lost an acknowledged write (a failover), which the token proved. */
  rollback: boolean
}

export interface LogoutEvent extends SessionEvent {
  reason: Exclude<RevocationReason, 'reuse' | 'rollback'>
}

export interface ReuseEvent extends SessionEvent {
  /** `rollback`: the token was ahead of the store by more than one rotation. */
  reason: 'reuse' | 'rollback'
  row: number
}
