import type {} from 'fastify'
import type { AccessTokenKey } from './access-token.js'
import type { AccessTokenClaims, Identity, Session, Tokens } from './session.js'

/** A hook for `preHandler` or `onRequest`, on requests of any kind of server: HTTP/1.1, HTTP/2, TLS. */
export type AuthHook = (request: object, reply: object) => Promise<void>

/** The body that the login and refresh routes answer (RFC 6749 section 5.1). */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  /** With transport `'body'` alone. */
  refresh_token?: string
  refresh_token_expires_in?: number
}

/** The sessions, for code without a request: OAuth callbacks, passkeys, admin tools, tests. */
export interface Sessions {
  /**
   * Starts a session.
   * @throws `FRT_ERR_INVALID_IDENTITY`, `FRT_ERR_STORE_UNAVAILABLE`
   */
  create(identity: Identity): Promise<Tokens>
  /**
   * Exchanges a refresh token for a new pair (RFC 6749 section 6).
   * @throws `FRT_ERR_REFRESH_TOKEN_INVALID`, `FRT_ERR_REFRESH_TOKEN_EXPIRED`, `FRT_ERR_REFRESH_TOKEN_REUSED`,
   * `FRT_ERR_SESSION_REVOKED`, `FRT_ERR_STORE_UNAVAILABLE`
   */
  refresh(refreshToken: string): Promise<Tokens>
  /**
   * Verifies an access token, and that its session lives.
   * @throws `FRT_ERR_ACCESS_TOKEN_INVALID`, `FRT_ERR_ACCESS_TOKEN_EXPIRED`, `FRT_ERR_SESSION_REVOKED`,
   * `FRT_ERR_STORE_UNAVAILABLE`
   */
  verify(accessToken: string): Promise<AccessTokenClaims>
  /** A live session, or `null`. @throws `FRT_ERR_STORE_UNAVAILABLE` */
  get(sid: string): Promise<Session | null>
  /** The live sessions of a user, oldest first. @throws `FRT_ERR_STORE_UNAVAILABLE` */
  list(sub: string): Promise<Session[]>
  /** Ends a session. `false` where there was none to end. @throws `FRT_ERR_STORE_UNAVAILABLE` */
  revoke(sid: string): Promise<boolean>
  /** Ends all sessions of a user but the one named; gives their number. @throws `FRT_ERR_STORE_UNAVAILABLE` */
  revokeAll(sub: string, options?: { except?: string }): Promise<number>
  /**
   * Replaces the keys of access tokens, in this process, at once and whole: the first signs from now on, and a
   * token of a key that is not among them is refused. Without an argument the function in `accessToken.keys`
   * is asked again. Of two calls at a time the later one counts.
   * @throws `FRT_ERR_INVALID_OPTION` where the keys are none that the option would take, or the algorithm is
   * `'HS256'`; what that function throws passes through. Nothing has changed then
   */
  rotateKeys(keys?: readonly AccessTokenKey[]): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Guards a route: verifies the access token and sets `request.user`, else 401. */
    authenticate: AuthHook
    /** Guards further, after `authenticate`: every scope must be in the `scope` claim (RFC 9068 section 2.2.3), else 403. */
    authorize(...scopes: string[]): AuthHook
    /** Guards further, after `authenticate`: what the function answers with `false` is 403. */
    authorize(
      allows: (
        user: AccessTokenClaims,
        request: FastifyRequest
      ) => boolean | undefined | Promise<boolean | undefined>
    ): AuthHook
    sessions: Sessions
    /**
     * Guards a route of your own that changes something, where a browser sends its token by itself: the check
     * that login, refresh and logout have. Safe methods pass; a page of another origin is 403.
     */
    checkOrigin: AuthHook
  }

  interface FastifyRequest {
    /** The verified claims, or `null`. */
    user: AccessTokenClaims | null
    /** The same as `app.authenticate`, as a call. @throws a 401 error of the README's table, or 503 */
    authenticate(): Promise<AccessTokenClaims>
    /** With `optional`: `null` where no token came. */
    authenticate(options: { optional?: boolean }): Promise<AccessTokenClaims | null>
  }

  interface FastifyReply {
    /**
     * Starts a session, and gives the body to answer with, as the login route does: the refresh token
     * travels by the request's transport. The session of a valid refresh token that came with the
     * request ends.
     * @throws `FRT_ERR_INVALID_IDENTITY`, `FRT_ERR_STORE_UNAVAILABLE`
     */
    startSession(identity: Identity): Promise<TokenResponse>
    /**
     * Refreshes the session of the refresh token that came with the request, as the refresh route does: gives
     * the body to answer with. Checks no origin.
     * @throws a 401 error of the README's table, `FRT_ERR_STORE_UNAVAILABLE`
     */
    refreshSession(): Promise<TokenResponse>
    /**
     * Ends every session that a token of the request names, and clears the refresh token's cookie, as the
     * logout route does. Checks no origin.
     * @throws `FRT_ERR_STORE_UNAVAILABLE`
     */
    endSession(): Promise<void>
  }
}
