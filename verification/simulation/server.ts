/** A refresh token and its fields, which the client can read. */
export interface RefreshToken {
  readonly gen: number
  /** Microseconds since the session was created. 0 under rules without copies. */
  readonly issuedUs: number
  /** The encoded token. Empty if the rule issues no real tokens. */
  readonly text: string
}

/** An access token and its fields. */
export interface AccessToken {
  readonly gen: number
  readonly expiresMs: number
  /** The encoded token. Empty if the rule issues no real tokens. */
  readonly text: string
}

export interface TokenResponse {
  status: 200
  token: RefreshToken
  /** Whether the response sets the cookie. It does not if the token is the presented copy. */
  setsCookie: boolean
  access: AccessToken
}

/**
 * The response to a refresh.
 *
 * 401 `reuse`: the rule detects reuse. 401 `unknown`: the session or the token does not exist. 401 `no key`: the session is
 * bound to a key that the client does not have (row 0). 503: the rule does not decide, and the client must retry.
 */
export type RefreshResponse =
  | TokenResponse
  | { status: 401; reason: 'reuse' | 'unknown' | 'no key' }
  | { status: 503 }

export type MaybePromise<T> = T | Promise<T>

/**
 * A server with one session.
 *
 * It does not distinguish honest clients from attackers, unless the session is bound to a key that the attackers do not have. One session is enough because sessions do not affect each
 * other.
 */
export interface Server {
  login(): MaybePromise<TokenResponse>
  /** @param hasKey whether the client has the key of a bound session. The default is `true` */
  refresh(token: RefreshToken, hasKey?: boolean): MaybePromise<RefreshResponse>
  /** @param confirms whether this use of the access token confirms its generation */
  use(access: AccessToken, confirms: boolean): MaybePromise<'ok' | 'rejected'>
  /** The store loses what it acknowledged in the last `lostMs`. */
  failover(lostMs: number): MaybePromise<void>
}

/** A rotation rule that can be simulated. */
export interface Implementation {
  name: string
  /** Used as a seed of the random numbers instead of `name`. See `seedNameOf`. */
  seedName?: string
  /** Whether attackers have the key of a bound session. The default is `true`. */
  attackerHasKey?: boolean
  /** @param now the simulated time in milliseconds */
  open(now: () => number): MaybePromise<Server>
}

export const ACCESS_TTL_MS = 5 * 60 * 1000
