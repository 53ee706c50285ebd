import { initialState, type Rotation } from '../../lib/store/rotation-rule.js'

/** The grace. Times are whole units of the store's clock: a thousand to a grace, so that one is no span. */
export const W = 1000

/** Shorter than anything that the rule tells apart. */
export const JUST = 10

/** Lifetime of an access token: the rest, which is three graces, must be less. */
export const ACCESS_TTL = 4 * W

/** How long a process knows of a session's end: an access token's lifetime and two minutes, which are 4 W. */
export const RETENTION = ACCESS_TTL + 4 * W

/** A refresh token, as the rule sees it: its generation, and when this copy of it was issued. */
export interface Copy {
  gen: number
  at: number
}

/** A refresh on its way: to the server, then back. */
export interface Flight {
  leg: 'request' | 'answer'
  /** On the way there the token that is presented; on the way back the one that the cookie sets, if it sets one. */
  copy: Copy | null
  /** On the way back: the generation of the access token, or 0 for a refusal. */
  gen: number
  /** When the tab sent it. */
  sent: number
  /** When this leg began. */
  since: number
}

/** An access token that somebody has: its use confirms its generation. */
export interface Proof {
  gen: number
  until: number
}

/** What a store holds of the session; null where it has ended, and the store remembers that it has. */
export type Stored = Rotation | null

/** One session, those who use it, and all that lies between them. Never changed: a move makes another. */
export interface World {
  now: number
  store: Stored
  /** What the store goes back to if it loses its last writes; undefined: all of them are safe. */
  replica: Stored | undefined
  /** When it fell behind. */
  replicaSince: number
  canFailOver: boolean
  /** Until when the process knows that the session has ended, whatever the store says; null: it does not. */
  knownUntil: number | null
  hasEnded: boolean
  /** The browser's cookie jar, which its tabs share. */
  jar: Copy | null
  /** At most one for each tab. */
  flights: readonly Flight[]
  /** Of either side: to the store it is the same who confirms. */
  proofs: readonly Proof[]
  canSteal: boolean
  /** The copies that the thief has. */
  loot: readonly Copy[]
}

/** Just after a login. */
export function beginning(): World {
  const rotation = initialState(0)
  return {
    now: 0,
    store: rotation,
    replica: undefined,
    replicaSince: 0,
    canFailOver: false,
    knownUntil: null,
    hasEnded: false,
    jar: { gen: rotation.gen, at: 0 },
    flights: [],
    proofs: [],
    canSteal: false,
    loot: []
  }
}
