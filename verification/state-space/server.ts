import type { Row } from '../../lib/store/rotation-rule.js'
import type { Rule } from './rule.js'
import { type Copy, RETENTION, type State, W } from './state.js'

export interface ServerSettings {
  rule: Rule
  untilConfirmed: boolean
  /** The lifetime of an access token, if the session is bound to a key, which both the browser and the attacker have. */
  boundAccessTtl?: number | undefined
}

/** Returns the time after which a silent client is replayed (row 7). 0 if the session is not bound. */
export function silenceOf({ boundAccessTtl }: Pick<ServerSettings, 'boundAccessTtl'>): number {
  return boundAccessTtl === undefined ? 0 : boundAccessTtl + 3 * W
}

/** The result of a refresh. */
export interface RefreshResult {
  state: State
  /** The row of the rule that decided. 1 if the session was revoked before. */
  row: Row | 1
  /** The copy that the client holds afterwards, or `null` if the refresh was rejected. */
  copy: Copy | null
  /** Row 7 rejected the refresh and changed nothing. The client must try again. */
  isConflict?: boolean
}

/** Applies the rule to a presented refresh token and updates the store. */
export function refresh(
  state: State,
  copy: Copy,
  { rule, untilConfirmed, boundAccessTtl }: ServerSettings
): RefreshResult {
  const { now, store } = state
  if (isRevocationKnown(state)) return { state: { ...state, store: null }, row: 1, copy: null }
  if (!store) return { state, row: 1, copy: null }

  const presented = {
    gen: copy.gen,
    issuedUs: copy.at,
    untilConfirmed,
    rollback: 'accept-one' as const,
    graceUs: W,
    accessTtlUs: boundAccessTtl
  }
  const row = rule.evaluate(store, presented, now)
  switch (row) {
    case 3:
      return { state: { ...state, store: rule.confirm(store, now) }, row, copy }
    case 5:
    case 8:
    case 10:
      return { state: revoke(state), row, copy: null }
    case 6:
    case 7: {
      if (rule.conflictUs(store, presented, now) > 0) return { state, row, copy: null, isConflict: true }
      const next = rule.reissue(store, presented, row, now)
      return { state: { ...state, store: next }, row, copy: { gen: next.gen, at: next.issuedUs } }
    }
    default: {
      const next = rule.rotate(store, { ...presented, idempotencyKey: '' }, row, now)
      return { state: { ...state, store: next }, row, copy: { gen: next.gen, at: next.issuedUs } }
    }
  }
}

/** Confirms a generation, because its access token was used. */
export function confirm(state: State, gen: number, { rule }: ServerSettings): State {
  const { store, now } = state
  return store?.gen === gen ? { ...state, store: rule.confirm(store, now) } : state
}

/** Revokes the session in the store, and records the revocation in the process. */
export function revoke(state: State): State {
  return { ...state, store: null, isRevoked: true, revocationKnownUntil: state.now + RETENTION }
}

/** Returns whether the process has a record of the revocation, which it has even if the store lost it. */
export function isRevocationKnown({ revocationKnownUntil, now }: State): boolean {
  return revocationKnownUntil !== null && now < revocationKnownUntil
}
