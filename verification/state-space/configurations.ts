import {
  alwaysLater,
  neverComesBack,
  neverComesBackWhileKnown,
  neverIssuedTwice,
  neverLoggedOut
} from './invariants.js'
import type { Invariant } from './search.js'
import { W } from './state.js'
import { defaults, type Settings } from './transitions.js'

export interface SmallWorld {
  name: string
  settings: Partial<Settings>
  promises: Invariant[]
}

const ISSUED = [neverIssuedTwice, alwaysLater]

/** A world, but for the steps of its clock. */
export const worlds = {
  nothingLost: {
    name: 'two honest tabs, nothing is lost, each answer arrives within the grace',
    settings: { loses: false, tripWithin: W },
    promises: [neverLoggedOut, ...ISSUED]
  },
  someLost: {
    name: 'two honest tabs, requests and answers may be lost, what arrives does so within the grace',
    settings: { tripWithin: W },
    promises: [neverLoggedOut, ...ISSUED]
  },
  slow: {
    name: 'two honest tabs, requests and answers may be lost, each leg may take up to a grace',
    settings: { legWithin: W },
    promises: [neverLoggedOut, ...ISSUED]
  },
  failover: {
    name: 'one honest tab, requests and answers may be lost, and the store its writes of up to 3 W',
    settings: { tabs: 1, tripWithin: W, failoverWithin: 3 * W },
    promises: [neverLoggedOut]
  },
  everything: {
    name: 'two tabs and a thief, any delay, logout',
    settings: { thief: true, logout: true },
    promises: [neverComesBack, ...ISSUED]
  },
  everythingAndFailover: {
    name: 'two tabs and a thief, any delay, logout, and a store that goes back to any time',
    settings: { thief: true, logout: true, failoverWithin: Number.POSITIVE_INFINITY },
    promises: [neverComesBackWhileKnown]
  }
} satisfies Record<string, SmallWorld>

/** The grids that time moves on, where the worlds are gone through to the end; BOUNDARIES has no end. */
export const HALVES = [W / 2]
export const QUARTERS = [W / 4]

export function settingsOf(
  { settings }: SmallWorld,
  given: Pick<Settings, 'rule'> & Partial<Settings>
): Settings {
  return { ...defaults, ...settings, ...given }
}
