import type { FastifyRequest } from 'fastify'
import type { AccessTokenKey } from './access-token.js'
import type {
  AccessTokenClaims,
  Authentication,
  Claims,
  Identity,
  RequiredAuthentication,
  Session,
  Subject,
  Tokens
} from './session.js'

/** A hook for `preHandler` or `onRequest`. It accepts requests of every kind of server: HTTP/1.1, HTTP/2 and TLS. */
export type AuthHook = (request: object, reply: object) => Promise<void>

/** Returns a hook that must run after `authenticate`. */
export interface Authorize {
  /**
   * The `scope` claim must contain every scope (RFC 9068, section 2.2.3). Otherwise the response is a 403.
   * @throws {FRT_ERR_INVALID_OPTION} if there is no scope, or a scope is invalid
   */
  (...scopes: string[]): AuthHook
  /** If the function does not return `true`, the response is a 403. */
  (
    allows: (
      user: AccessTokenClaims,
      request: FastifyRequest
    ) => boolean | undefined | Promise<boolean | undefined>
  ): AuthHook
}

/**
 * Returns a hook that must run after `authenticate`. If the last authentication of the session is older than `maxAge`, or its
 * class is none of `acr`, the response is a 401 with a challenge (RFC 9470, section 3).
 * @throws {FRT_ERR_INVALID_OPTION} if the argument has neither property, or an invalid one
 */
export type RequireAuthentication = (required: RequiredAuthentication) => AuthHook

/** The response body of the login and refresh routes (RFC 6749, section 5.1). */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  /** Lifetime of the access token, in seconds. */
  expires_in: number
  /** Only with the transport `'body'`. */
  refresh_token?: string
  /** Only with the transport `'body'`. In seconds, if the token is not used. */
  refresh_token_expires_in?: number
  /** Only in the response to an OAuth client: the scopes of the access token, separated by spaces. */
  scope?: string
}

/** The response body with a new access token for the same session. */
export type AccessTokenResponse = Pick<TokenResponse, 'access_token' | 'token_type' | 'expires_in'>

/** Manages sessions in code without a request, for example in OAuth callbacks, passkeys, admin tools and tests. */
export interface Sessions {
  /**
   * Creates a session.
   * @throws {FRT_ERR_INVALID_IDENTITY} if the identity is invalid
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
   */
  create(identity: Identity): Promise<Tokens>
  /**
   * Exchanges a refresh token for new tokens (RFC 6749, section 6).
   * @throws {FRT_ERR_REFRESH_TOKEN_INVALID} if the token is malformed, or not signed with one of the secrets
   * @throws {FRT_ERR_REFRESH_TOKEN_EXPIRED} if the session expired or is unknown
   * @throws {FRT_ERR_REFRESH_TOKEN_REUSED} if the token was used before, or the session was revoked for reuse
   * @throws {FRT_ERR_SESSION_REVOKED} if the session was revoked for another reason
   * @throws {FRT_ERR_REFRESH_CONFLICT} if the token was replaced, too recently to count as reuse
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
   */
  refresh(refreshToken: string): Promise<Tokens>
  /**
   * Verifies an access token, and checks its session as `revocation.mode` requires.
   * @throws {FRT_ERR_ACCESS_TOKEN_INVALID} if the signature or a claim is invalid
   * @throws {FRT_ERR_ACCESS_TOKEN_EXPIRED} if the token has expired
   * @throws {FRT_ERR_SESSION_REVOKED} if the session was revoked
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store must be queried and did not answer in time
   */
  verify(accessToken: string): Promise<AccessTokenClaims>
  /**
   * Returns an active session, or `null`.
   * @param sid session id, 32 characters of base64url
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
   */
  get(sid: string): Promise<Session | null>
  /**
   * Returns the active sessions of a user, oldest first.
   * @throws {FRT_ERR_INVALID_IDENTITY} if `sub` is neither a string of 1 to 256 bytes nor an integer
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
   */
  list(sub: Subject): Promise<Session[]>
  /**
   * Replaces the claims or the device name of an active session. The next access tokens have the new claims, on all nodes, unless
   * `session.load` returns others.
   * @returns the session, or `null` if there is no active session with this id
   * @throws {FRT_ERR_INVALID_IDENTITY} if a value is invalid
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time. The change may have been made
   */
  update(sid: string, change: SessionUpdate): Promise<Session | null>
  /**
   * Revokes a session on all nodes.
   * @returns `true` if this call revoked the session, `false` if it was already revoked or unknown
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time. The plugin retries in the background
   */
  revoke(sid: string): Promise<boolean>
  /**
   * Revokes all sessions of a user, except the session with the id `except`.
   * @returns the number of sessions that this call revoked
   * @throws {FRT_ERR_INVALID_IDENTITY} if `sub` is neither a string of 1 to 256 bytes nor an integer
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time. The plugin retries in the background
   */
  revokeAll(sub: Subject, options?: { except?: string }): Promise<number>
  /**
   * Replaces all keys of access tokens in this process. The first key signs from now on. Tokens of keys that are not in
   * the array are rejected. Of two concurrent calls, the later one counts. If it throws, the current keys stay.
   * @param keys without this argument, the function in `accessToken.keys` is called. Its errors pass through
   * @throws {FRT_ERR_INVALID_OPTION} if the option would not accept the keys, or the algorithm is `'HS256'`
   */
  rotateKeys(keys?: readonly AccessTokenKey[]): Promise<void>
}

/** What `app.sessions.update` replaces. */
export interface SessionUpdate {
  claims?: Claims | undefined
  /** 1 to 64 characters without control characters. `null` removes the name. */
  name?: string | null | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Guards a route: verifies the access token and sets `request.user`. Otherwise the response is a 401. If the token is
     * from `accessToken.read`, also does the check of `checkOrigin`. It is `undefined` until the plugin is loaded, which
     * Fastify accepts as "no hook". The exported `authenticate` does not depend on that.
     */
    authenticate: AuthHook
    /** Returns a hook that must run after `authenticate`. */
    authorize: Authorize
    /** Returns a hook for step-up authentication (RFC 9470) that must run after `authenticate`. */
    requireAuthentication: RequireAuthentication
    /** Manages sessions in code without a request. */
    sessions: Sessions
    /**
     * Guards your own routes against CSRF if a browser sends their token automatically. It is the check of the login,
     * refresh and logout routes. It allows GET, HEAD and OPTIONS, except a WebSocket handshake. The response to a page of
     * another origin is a 403. `authenticate` does this check for a token that `accessToken.read` returned.
     */
    checkOrigin: AuthHook
  }

  interface FastifyRequest {
    /** The verified claims of the access token, or `null`. */
    user: AccessTokenClaims | null
    /**
     * Verifies the access token like `app.authenticate`, and returns its claims.
     * @throws the errors of `app.sessions.verify`
     * @throws {FRT_ERR_NO_ACCESS_TOKEN} if the request has no access token
     * @throws {FRT_ERR_CROSS_ORIGIN} if the token is from `accessToken.read`, and a page of another origin sent the request
     */
    authenticate(): Promise<AccessTokenClaims>
    /** With `optional`, returns `null` if the request has no access token. */
    authenticate(options: { optional?: boolean }): Promise<AccessTokenClaims | null>
  }

  interface FastifyReply {
    /**
     * Creates a session like the login route, and returns the response body. Sends the refresh token by the transport
     * of the request. Revokes the session of a valid refresh token in the request.
     * @throws {FRT_ERR_INVALID_IDENTITY} if the identity is invalid
     * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
     */
    startSession(identity: Identity): Promise<TokenResponse>
    /**
     * Exchanges the refresh token of the request like the refresh route, and returns the response body. Does not check
     * the origin.
     * @throws the errors of `app.sessions.refresh`
     * @throws {FRT_ERR_NO_REFRESH_TOKEN} if the request has no refresh token
     */
    refreshSession(): Promise<TokenResponse>
    /**
     * Records that the user of this request has authenticated again, for example with a second factor, and returns a new
     * access token like `reissueAccessToken`. Properties that are not given are removed. Requires `authenticate`.
     * @throws {FRT_ERR_INVALID_IDENTITY} if `acr` or `amr` is invalid
     * @throws the errors of `reissueAccessToken`
     */
    elevate(authentication: Authentication): Promise<AccessTokenResponse>
    /**
     * Returns a new access token for the session of this request, with its present claims. It has the expiry and the
     * authentication of the access token of the request, so that a copy cannot be exchanged for more. Requires `authenticate`.
     * @throws {FRT_ERR_NO_ACCESS_TOKEN} if `authenticate` did not run
     * @throws {FRT_ERR_SESSION_REVOKED} if the session has ended
     * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time
     */
    reissueAccessToken(): Promise<AccessTokenResponse>
    /**
     * Revokes the session of each token in the request, and deletes the cookie with the refresh token, like the logout
     * route. Does not check the origin.
     * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not answer in time. The plugin retries in the background
     */
    endSession(): Promise<void>
  }
}
