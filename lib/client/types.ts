/** The plain call signature of `fetch`, without properties that some runtimes add to it. */
export type FetchFunction = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Stores the refresh token, for example in a keychain, in a file or in `localStorage`. */
export interface RefreshTokenStorage {
  /**
   * Set it for a storage that all tabs share, such as `localStorage`. Clients with the same name share tokens and
   * logouts. Without a name the storage belongs to this client only.
   */
  readonly name?: string | undefined
  get(): Promise<string | null | undefined> | string | null | undefined
  set(refreshToken: string): Promise<unknown> | unknown
  remove(): Promise<unknown> | unknown
}

export interface StorageOptions {
  /**
   * Called once when the storage fails or does not respond. From then on the refresh token is in memory only, until
   * `auth.restore()` is called.
   */
  onStorageError?: ((error: unknown) => void) | undefined
  /**
   * How long the client waits for the storage, in seconds.
   * @default 5
   */
  storageTimeout?: number | undefined
}

/** The response of the server that ended a session. */
export type RefreshErrorCode =
  | 'FRT_ERR_NO_REFRESH_TOKEN'
  | 'FRT_ERR_REFRESH_TOKEN_INVALID'
  | 'FRT_ERR_REFRESH_TOKEN_EXPIRED'
  | 'FRT_ERR_REFRESH_TOKEN_REUSED'
  | 'FRT_ERR_SESSION_REVOKED'
  | 'FRT_ERR_PROOF_REQUIRED'
  | 'FRT_ERR_PROOF_KEY_MISMATCH'

/**
 * Why a session ended: `'logout'`, `'user-changed'` if another user logged in in any tab, or the error code of the
 * server.
 */
export type SessionEndReason = 'logout' | 'user-changed' | RefreshErrorCode

/** Why the session is unavailable: because of the server, or because of the storage. */
export type UnavailableReason = 'FRT_ERR_CLIENT_UNAVAILABLE' | 'FRT_ERR_CLIENT_STORAGE'

/** The claims of the access token, without those that change with each refresh: `iat`, `exp`, `gen` and `jti`. */
export interface SessionUser {
  readonly sub: string
  readonly sid: string
  readonly [claim: string]: unknown
}

/** The session as the user interface shows it. It is immutable, and it is the same object until something changes. */
export type SessionSnapshot<User = SessionUser> =
  /** The client has not asked the server yet. */
  | { readonly status: 'unknown'; readonly user: null; readonly reason: null }
  | { readonly status: 'authenticated'; readonly user: User; readonly reason: 'user-changed' | null }
  | {
      readonly status: 'anonymous'
      readonly user: null
      readonly reason: Exclude<SessionEndReason, 'user-changed'>
    }
  /** A refresh was necessary and failed for now. `user` is the last known user. */
  | { readonly status: 'unavailable'; readonly user: User | null; readonly reason: UnavailableReason }

export interface LoginOptions {
  /** Another route that responds as the login route does, such as a second factor. */
  path?: string | undefined
  signal?: AbortSignal | undefined
}

export interface AuthFetch {
  /**
   * The standard `fetch`. Sends the access token and refreshes it when necessary. Requests to other origins are sent
   * unchanged. Rejects with `UnavailableError` if a refresh was necessary and failed for now. Returns the 401 of the server
   * if another token does not help, for example because the session has ended or another user has logged in.
   */
  fetch: FetchFunction
  /**
   * Logs in. Sends the body as JSON and returns the response of the server, including a rejection (401). A second call
   * with the same body shares the request of the first.
   * @param body an object, `FormData` or `URLSearchParams`
   * @throws `UnavailableError` if the server did not respond with a JSON object within 10 seconds, or if client and
   * server use different transports. A login first waits for a logout in progress, which makes up to three attempts
   */
  login(body: unknown, options?: LoginOptions): Promise<Response>
  /**
   * Logs out: in this tab and the other tabs immediately, then on the server.
   * @throws `UnavailableError` if the server did not confirm. The session may still exist there
   */
  logout(): Promise<void>
  /**
   * Returns an access token for a connection that does not use `fetch`, such as a WebSocket or an event stream. Returns
   * `null` if no user is logged in, or if the storage of the refresh token failed. After a page load it restores the
   * session.
   * @param options.minValidity the required remaining lifetime in seconds, if the server issues such tokens
   * @throws `UnavailableError` if a refresh was necessary and failed for now
   */
  getAccessToken(options?: { minValidity?: number | undefined }): Promise<string | null>
  /** Stops sending messages to other tabs and receiving theirs. */
  close(): void
}

/** A client with the state of the session, for user interfaces. */
export interface Auth<User = SessionUser> extends AuthFetch {
  /** Returns the current state of the session. */
  snapshot(): SessionSnapshot<User>
  /**
   * Calls the listener after each change of the snapshot.
   * @returns a function that removes the listener
   */
  subscribe(listener: () => void): () => void
  /**
   * Revokes all sessions of the user, then logs out.
   * @throws `UnavailableError` if the server did not confirm that it has revoked the sessions. The user is then still
   * logged in. Its `serverCode` is `FRT_ERR_INSUFFICIENT_AUTHENTICATION` if the user must authenticate again first
   */
  logoutAll(): Promise<void>
  /**
   * Revokes the other sessions of the user. This one continues.
   * @throws `UnavailableError` as `logoutAll`
   */
  logoutOthers(): Promise<void>
  /**
   * Uses the access token that a route of yours returned by `reply.elevate` or `reply.reissueAccessToken`, in this tab and in
   * the other tabs. The token expires when the previous one would have expired.
   * @param body the JSON of the response
   * @returns `false` if the session has ended meanwhile, or if the token is for another session. The token is then not used
   * @throws TypeError if the body has no access token
   */
  adoptAccessToken(body: unknown): Promise<boolean>
  /**
   * Asks the server who is logged in, for example after a page load or after a login that this client did not make, as
   * with OAuth. Waits for a login or a logout in progress, and repeats a logout that the server has not confirmed. Never
   * rejects: if the server does not respond, the client keeps a token that is valid, and otherwise the status is
   * `'unavailable'`.
   * @param options.afterLogin set it on the page to which a login redirects. The other tabs then get the login. On any
   * other page it could undo a logout in progress in another tab
   */
  restore(options?: { afterLogin?: boolean | undefined }): Promise<SessionSnapshot<User>>
}
