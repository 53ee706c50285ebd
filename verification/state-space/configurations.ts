import {
  alwaysNewest,
  neverIssuedTwice,
  neverLoggedOut,
  neverRestored,
  neverRestoredWhileKnown
} from './invariants.js'
import type { Invariant } from './search.js'
import { W } from './state.js'
import { defaults, type Settings } from './transitions.js'

export interface Configuration {
  name: string
  settings: Partial<Settings>
  invariants: Invariant[]
}

const ISSUED = [neverIssuedTwice, alwaysNewest]

/** The configurations without the steps of the clock. */
export const configurations = {
  noLoss: {
    name: 'two honest tabs, no loss, responses within the grace period',
    settings: { canLose: false, roundTripLimit: W },
    invariants: [neverLoggedOut, ...ISSUED]
  },
  losses: {
    name: 'two honest tabs, losses, round trips within the grace period',
    settings: { roundTripLimit: W },
    invariants: [neverLoggedOut, ...ISSUED]
  },
  slow: {
    name: 'two honest tabs, losses, each direction takes up to a grace period',
    settings: { oneWayLimit: W },
    invariants: [neverLoggedOut, ...ISSUED]
  },
  verySlow: {
    name: 'two honest tabs, losses, each direction takes up to two grace periods',
    settings: { oneWayLimit: 2 * W },
    invariants: [neverLoggedOut, ...ISSUED]
  },
  failover: {
    name: 'one honest tab, losses, a failover that loses up to 3 W',
    settings: { tabs: 1, roundTripLimit: W, failoverLimit: 3 * W },
    invariants: [neverLoggedOut]
  },
  everything: {
    name: 'two tabs and an attacker, any delay, logout',
    settings: { attacker: true, logout: true },
    invariants: [neverRestored, ...ISSUED]
  },
  everythingAndFailover: {
    name: 'two tabs and an attacker, any delay, logout, a store rollback to any time',
    settings: { attacker: true, logout: true, failoverLimit: Number.POSITIVE_INFINITY },
    invariants: [neverRestoredWhileKnown]
  }
} satisfies Record<string, Configuration>

/** Clock steps of equal length. The number of states is then finite, so that the search can be complete. */
export const HALVES = [W / 2]
export const QUARTERS = [W / 4]

export function settingsOf(
  { settings }: Configuration,
  given: Pick<Settings, 'rule'> & Partial<Settings>
): Settings {
  return { ...defaults, ...settings, ...given }
}
