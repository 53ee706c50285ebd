import type { Invariant } from './search.js'
import { isRevocationKnown } from './server.js'
import type { Copy, State } from './state.js'

/** The browser is never logged out by its own refresh. A conflict is not a logout. */
export const neverLoggedOut: Invariant = (_before, { use }) =>
  use?.by === 'browser' && use.copy === null && !use.isConflict && use.row !== 1
    ? `the browser is logged out by row ${use.row}`
    : null

/** A revoked session stays revoked. */
export const neverRestored: Invariant = (before, { use }) =>
  before.isRevoked && use?.copy ? `the session is restored by row ${use.row}` : null

/** A revoked session stays revoked while the process has a record of the revocation, even if the store lost it. */
export const neverRestoredWhileKnown: Invariant = (before, transition) =>
  isRevocationKnown(before) ? neverRestored(before, transition) : null

/** No copy is issued twice. */
export const neverIssuedTwice: Invariant = (before, { use }) => {
  if (!use?.copy || use.row === 3) return null
  return holds(before, use.copy) ? `row ${use.row} issues a copy that a party already holds` : null
}

/** A new copy is later than all earlier copies of its generation. */
export const alwaysNewest: Invariant = (before, { use }) => {
  const { copy } = use ?? {}
  if (!copy || use?.row === 3) return null
  const isLatest = heldOf(before).every(({ gen, at }) => gen !== copy.gen || at < copy.at)
  return isLatest ? null : `row ${use?.row} issues a copy that is not the latest of its generation`
}

function holds(state: State, { gen, at }: Copy): boolean {
  return heldOf(state).some((copy) => copy.gen === gen && copy.at === at)
}

function heldOf({ cookie, pendingRefreshes, stolen }: State): Copy[] {
  return [cookie, ...pendingRefreshes.map(({ copy }) => copy), ...stolen].flatMap((copy) => copy ?? [])
}
