/** A refresh token, and what whoever holds it can read from it. */
export interface Token {
  readonly gen: number
  /** Microseconds since the session began; 0 under rules that know no copies. */
  readonly issuedUs: number
  /** The token itself, where the rule makes real ones. */
  readonly text: string
}

/** An access token, likewise. */
export interface Access {
  readonly gen: number
  readonly expiresMs: number
  readonly text: string
}

export interface Granted {
  status: 200
  token: Token
  /** Whether a cookie comes with it: the same copy is not set again. */
  setsCookie: boolean
  access: Access
}

/**
 * `reuse`: the rule speaks of theft. `gone`: there is no such session, or no such token. 503: neither a yes
 * nor a no, the client is to try again.
 */
export type Answer = Granted | { status: 401; why: 'reuse' | 'gone' } | { status: 503 }

export type Maybe<T> = T | Promise<T>

/**
 * A server with one session, as clients and thieves meet it: neither is told apart here. One session is
 * one world, for sessions do not touch each other.
 */
export interface Server {
  login(): Maybe<Granted>
  refresh(token: Token): Maybe<Answer>
  /** @param confirms whether this use proves that the client holds the pair */
  use(access: Access, confirms: boolean): Maybe<'ok' | 'refused'>
  /** The store forgets what it acknowledged in the last `lostMs`. */
  failover(lostMs: number): Maybe<void>
}

/** What opens a server on a clock of the simulation's, in milliseconds. */
export interface Contestant {
  name: string
  open(now: () => number): Maybe<Server>
}

export const ACCESS_TTL_MS = 5 * 60 * 1000
