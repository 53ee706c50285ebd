/**
 * The claims of the application in the access token and in `request.user`. Declare them once, by declaration merging:
 *
 * ```ts
 * declare module 'fastify-refresh-token' {
 *   interface Claims { roles: string[] }
 * }
 * ```
 *
 * Undeclared claims do not compile. To allow any name, declare `[name: string]: unknown`.
 *
 * Claims must be serializable as JSON, at most 4,096 bytes. The names `sub`, `sid`, `gen`, `iat`, `exp`, `nbf`, `iss`,
 * `aud`, `jti`, `client_id`, `auth_time`, `acr`, `amr` and `cnf` are reserved.
 */
export interface Claims {
  /** Scopes separated by spaces, for `app.authorize('read', 'write')` (RFC 9068, section 2.2.3). */
  scope?: string | undefined
}

/** Makes `claims` required if the application declares required claims. */
type IdentityClaims = Partial<Claims> extends Claims ? { claims?: Claims | undefined } : { claims: Claims }

/** Data of a session for the user's list of devices, at most 1,024 bytes of JSON. */
export interface Metadata {
  [name: string]: unknown
}

/**
 * The subject: the id of a user, as a string of 1 to 256 bytes or as an integer. A safe integer or a bigint becomes its
 * decimal digits, so that `7` and `'7'` are the same user. Tokens and sessions contain the string.
 */
export type Subject = string | number | bigint

/**
 * The user of a new session, as `login` returns it and `reply.startSession` accepts it. `claims` are for the access
 * token.
 */
export type Identity = IdentityClaims & {
  /** Use an opaque id, because a session id can confirm a guess of the subject. */
  sub: Subject
  /**
   * `false` sends a session cookie, and limits the idle timeout to 24 hours.
   * @default true
   */
  remember?: boolean | undefined
  /** Absolute lifetime of this session, at least 1 second. It can only shorten the option `session.ttl`. */
  ttl?: Duration | undefined
  /** Idle timeout of this session, at least 1 second. It can only shorten the option `refreshToken.ttl`. */
  idleTtl?: Duration | undefined
  /** The authentication context class of this login, see `Authentication`. */
  acr?: Authentication['acr']
  /** The methods of this login, see `Authentication`. */
  amr?: Authentication['amr']
  /**
   * The thumbprint of the client's key (RFC 7638), 43 characters of base64url, to bind the session without a proof. For a
   * login in several steps, such as an OAuth callback, which passes the parameter `dpop_jkt` on (RFC 9449, section 10).
   */
  jkt?: string | undefined
  /** Metadata that does not change. It overrides properties of the option `session.metadata`. */
  metadata?: Metadata | undefined
}

/** How a user authenticated, for step-up authentication (RFC 9470). */
export interface Authentication {
  /** The authentication context class (OpenID Connect Core, section 2): 1 to 64 printable ASCII characters, without spaces. */
  acr?: string | undefined
  /** The methods, for example `['pwd', 'otp']` (RFC 8176): at most 8 of them, of 1 to 32 such characters. */
  amr?: readonly string[] | undefined
}

/** The authentication that a route requires (RFC 9470). At least one property. */
export interface RequiredAuthentication {
  /** The longest time since the last authentication. */
  maxAge?: Duration | undefined
  /** One or more authentication context classes, of which the session must have one. */
  acr?: string | readonly string[] | undefined
}

/**
 * A number of seconds, also as text (`'3600'`), or text with a unit, for example `'15m'`, `'14 days'` or `'6 months'`. A
 * year has 365.25 days, and a month is a twelfth of it.
 */
export type Duration = number | string

/** The verified claims of an access token. `sub`, `iat` and `exp` are defined in RFC 7519, section 4.1. */
export interface AccessTokenClaims extends Claims {
  /** The subject. */
  sub: string
  /** The session id. */
  sid: string
  /** The generation of the session that the token was issued for. */
  gen: number
  /** Time of issue in seconds since the epoch, by the store's clock. */
  iat: number
  /** Expiry in seconds since the epoch, by the store's clock. */
  exp: number
  /** Time of the last authentication in seconds since the epoch (OpenID Connect Core, section 2), by the store's clock. */
  auth_time: number
  /** The authentication context class of the session. */
  acr?: string
  /** The methods by which the user authenticated. */
  amr?: string[]
  /** Unique to this token (RFC 7519, section 4.1.7). */
  jti: string
  /** The option `accessToken.clientId`. */
  client_id?: string
}

/** A login on one device, from its creation to its expiry or revocation. Its tokens are a token family. */
export interface Session {
  /** Session id, 32 characters of base64url. It is public, and may be displayed and logged. */
  sid: string
  sub: string
  /** Generation: starts at 1 and increases by 1 with each rotation. */
  gen: number
  createdAt: Date
  /** Time of the last rotation or, before the first one, of the login. */
  lastUsedAt: Date
  /** Expiry if the session is not refreshed again. */
  expiresAt: Date
  /** End of the absolute lifetime. No rotation extends it. */
  absoluteExpiresAt: Date
  remember: boolean
  /** The thumbprint of the key that the session is bound to. `null` if it is not bound. */
  jkt: string | null
  /** The name that the user gave the device, or `null`. */
  name: string | null
  /** Time of the login, or of the last `reply.elevate`. */
  authenticatedAt: Date
  /** The authentication context class, or `null`. */
  acr: string | null
  /** The methods by which the user authenticated. */
  amr: string[]
  /** The claims of the identity. */
  claims: Claims
  metadata: Metadata
}

/** Why a session was revoked. */
export type RevocationReason =
  | 'logout'
  | 'reuse'
  | 'revoked'
  | 'replaced'
  | 'evicted'
  | 'disabled'
  | 'rollback'

/** The tokens of a session, for code that sends them itself. */
export interface Tokens {
  accessToken: string
  /** Lifetime of the access token, in seconds (RFC 6749, section 5.1). */
  expiresIn: number
  refreshToken: string
  /** Time until the session expires if it is not refreshed, in seconds. */
  refreshTokenExpiresIn: number
  session: Session
}
