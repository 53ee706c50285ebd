import { initialState, type Rotation } from '../../lib/store/rotation-rule.js'

/** The grace period. A time unit is a thousandth of it, so that one unit is negligible. */
export const W = 1000

/** Shorter than any difference that matters to the rule. */
export const EPSILON = 10

/** Lifetime of an access token. It must be longer than the cooldown of three grace periods. */
export const ACCESS_TTL = 4 * W

/** How long a process keeps the record of a revocation: the lifetime of an access token plus two minutes (4 W). */
export const RETENTION = ACCESS_TTL + 4 * W

/** A refresh token: its generation, and when this copy was issued. */
export interface Copy {
  gen: number
  at: number
}

/** A refresh whose request or response is in transit. */
export interface PendingRefresh {
  direction: 'request' | 'response'
  /** In a request the presented token. In a response the token of the cookie, or `null` if it sets none. */
  copy: Copy | null
  /** In a response the generation of the access token, or 0 if the refresh was rejected. */
  gen: number
  /** When the tab sent the request. */
  sent: number
  /** When this request or response was sent. */
  since: number
}

/** An access token that a party holds. Its use confirms its generation. */
export interface AccessToken {
  gen: number
  expiresAt: number
}

/** The session in the store. `null`: the session is revoked, and the store has the revocation record. */
export type Stored = Rotation | null

/** One session, its clients, and the requests and responses in transit. Immutable: a transition returns a new state. */
export interface State {
  now: number
  store: Stored
  /** The session on the replica, which becomes the store in a failover. `undefined`: the replica has all writes. */
  replica: Stored | undefined
  /** When the replica started to lag. */
  replicaSince: number
  canFailOver: boolean
  /** Until when the process keeps its record of the revocation. `null`: it has none. The store can lose its own record. */
  revocationKnownUntil: number | null
  isRevoked: boolean
  /** The token in the cookie jar, which the tabs share. */
  cookie: Copy | null
  /** At most one per tab. */
  pendingRefreshes: readonly PendingRefresh[]
  /** The access tokens of the browser and of the attacker. The store does not distinguish who confirms. */
  accessTokens: readonly AccessToken[]
  canSteal: boolean
  /** The copies that the attacker holds. */
  stolen: readonly Copy[]
}

/** Returns the state directly after a login. */
export function stateAfterLogin(): State {
  const rotation = initialState(0)
  return {
    now: 0,
    store: rotation,
    replica: undefined,
    replicaSince: 0,
    canFailOver: false,
    revocationKnownUntil: null,
    isRevoked: false,
    cookie: { gen: rotation.gen, at: 0 },
    pendingRefreshes: [],
    accessTokens: [],
    canSteal: false,
    stolen: []
  }
}
