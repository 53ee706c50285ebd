import type { Invariant } from './search.js'
import { isKnown } from './server.js'
import type { Copy, World } from './state.js'

/** Nobody has to log in again for what an honest browser does. */
export const neverLoggedOut: Invariant = (_before, { use }) =>
  use?.by === 'browser' && use.copy === null && use.row !== 1
    ? `the browser is logged out by row ${use.row}`
    : null

/** A session that has ended stays so. */
export const neverComesBack: Invariant = (before, { use }) =>
  before.hasEnded && use?.copy ? `the session comes back by row ${use.row}` : null

/** A session that the process knows to have ended stays so, whatever the store has forgotten. */
export const neverComesBackWhileKnown: Invariant = (before, move) =>
  isKnown(before) ? neverComesBack(before, move) : null

/** Each copy is issued once: who has another one got it from another answer. */
export const neverIssuedTwice: Invariant = (before, { use }) => {
  if (!use?.copy || use.row === 3) return null
  return holds(before, use.copy) ? `row ${use.row} issues a copy that somebody has already` : null
}

/** A copy is later than all that were issued of its generation. */
export const alwaysLater: Invariant = (before, { use }) => {
  const { copy } = use ?? {}
  if (!copy || use?.row === 3) return null
  const isLatest = heldOf(before).every(({ gen, at }) => gen !== copy.gen || at < copy.at)
  return isLatest ? null : `row ${use?.row} issues a copy that is not the latest`
}

function holds(world: World, { gen, at }: Copy): boolean {
  return heldOf(world).some((copy) => copy.gen === gen && copy.at === at)
}

function heldOf({ jar, flights, loot }: World): Copy[] {
  return [jar, ...flights.map(({ copy }) => copy), ...loot].flatMap((copy) => copy ?? [])
}
