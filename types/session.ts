/**
 * The claims of your own that travel in the access token, and come back in `request.user`.
 * Declare them once, by declaration merging:
 *
 * ```ts
 * declare module 'fastify-refresh-token' {
 *   interface Claims { roles: string[] }
 * }
 * ```
 *
 * What is not declared does not compile; to allow any name, declare `[name: string]: unknown`.
 *
 * They must survive `JSON.stringify`, take at most 4,096 bytes of JSON, and may not use the reserved
 * names `sub sid gen iat exp nbf iss aud jti auth_time`.
 */
export interface Claims {
  /** What `app.authorize('read', 'write')` reads: words separated by spaces (RFC 9068 section 2.2.3). */
  scope?: string | undefined
}

/** Claims that are declared as required have to be given. */
type GivenClaims = Partial<Claims> extends Claims ? { claims?: Claims | undefined } : { claims: Claims }

/** What is kept beside a session for the user's list of devices: at most 1,024 bytes of JSON. */
export interface Metadata {
  [name: string]: unknown
}

/** Who logged in: what `login` returns and `reply.startSession` takes. Its `claims` are those for the access token. */
export type Identity = GivenClaims & {
  /** The subject: the user's id, a non-empty string of at most 256 bytes. Best opaque: a session's id confirms a guessed one. */
  sub: string
  /**
   * `false`: the cookie ends with the browser, and the session ends when unused for 24 hours.
   * @default true
   */
  remember?: boolean | undefined
  /** Shortens the absolute lifetime of this session; never lengthens it. Seconds, or a string such as `'1h'`. */
  ttl?: Duration | undefined
  /** Kept for as long as the session, and laid over what `session.metadata` takes from each request. */
  metadata?: Metadata | undefined
}

/** A number of seconds, or a string that `@lukeed/ms` reads: `'15m'`, `'14 days'`. */
export type Duration = number | string

/** The verified claims of an access token (RFC 7519 section 4.1 where a name is registered there). */
export interface AccessTokenClaims extends Claims {
  /** The subject. */
  sub: string
  /** The session's public id. */
  sid: string
  /** The generation of the session that the token was issued for. */
  gen: number
  /** Issued at, in seconds since the epoch, by the store's clock. */
  iat: number
  /** Expires at, in seconds since the epoch, by the store's clock. */
  exp: number
  /** When the user last logged in, in seconds since the epoch (OpenID Connect Core section 2): for step-up. */
  auth_time: number
}

/** One login: from `login` to `logout`, on one device. Also called a token family. */
export interface Session {
  /** The public id: may be shown and logged. */
  sid: string
  sub: string
  /** How many tokens the session has had: starts at 1, grows by one with each rotation. */
  gen: number
  createdAt: Date
  /** The last rotation, or the login. */
  lastUsedAt: Date
  /** The end, unless it is refreshed before. */
  expiresAt: Date
  /** The absolute end: no rotation extends it. */
  absoluteExpiresAt: Date
  remember: boolean
  /** The claims of the login. */
  claims: Claims
  metadata: Metadata
}

/** Why a session ended. */
export type RevocationReason =
  | 'logout'
  | 'reuse'
  | 'revoked'
  | 'replaced'
  | 'evicted'
  | 'disabled'
  | 'rollback'

/** The two tokens of a session, for code that hands them on itself. */
export interface Tokens {
  accessToken: string
  /** Lifetime of the access token, in seconds (RFC 6749 section 5.1). */
  expiresIn: number
  refreshToken: string
  /** Until the session ends if it is not refreshed, in seconds. */
  refreshTokenExpiresIn: number
  session: Session
}
