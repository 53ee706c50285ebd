/** Stores the refresh token in body mode, for example in a keychain, in a file or in `localStorage`. */
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

/**
 * Why a session ended: `'logout'`, or the error code of the response that ended it, such as
 * `'FRT_ERR_REFRESH_TOKEN_REUSED'`.
 */
export type SessionEndReason = 'logout' | (string & {})

export interface AuthFetchOptions {
  /** The server with the auth routes, such as `'https://api.example.com'`. Relative URLs are resolved against it. */
  baseUrl: string | URL
  /**
   * `routes.prefix` of the server.
   * @default '/auth'
   */
  prefix?: string | undefined
  /** Additional origins that receive the access token. The origin of `baseUrl` always does. */
  origins?: readonly string[] | undefined
  /**
   * Stores the refresh token, which is then sent in the body (transport `'body'`). Without it, the browser keeps the
   * refresh token in a cookie.
   */
  storage?: RefreshTokenStorage | undefined
  /**
   * Called once in each tab when a session ends.
   * @param reason `'logout'`, or the error code of the server
   */
  onSessionEnd?: ((reason: SessionEndReason) => void) | undefined
  /** Replaces the `fetch` of the runtime. */
  fetch?: typeof globalThis.fetch | undefined
}

export interface AuthFetch {
  /**
   * The standard `fetch`. Sends the access token and refreshes it when necessary. Requests to other origins are sent
   * unchanged. Rejects with `UnavailableError` if a refresh was necessary and failed for now. If the session has ended,
   * it returns the 401 of the server.
   */
  fetch: typeof globalThis.fetch
  /**
   * Logs in. Sends the body as JSON and returns the response of the server, including a rejection (401).
   * @param path another route that responds as the login route does, such as a second factor
   * @throws the error of `fetch`, or `UnavailableError` if the storage failed
   */
  login(body: unknown, path?: string): Promise<Response>
  /**
   * Logs out: in this tab and the other tabs immediately, then on the server.
   * @throws `UnavailableError` if the server or the storage failed. The session may still exist on the server
   */
  logout(): Promise<void>
  /**
   * Returns an access token for a connection that does not use `fetch`, such as a WebSocket or an event stream. Returns
   * `null` if no user is logged in. After a page load it restores the session.
   * @param options.minValidity the required remaining lifetime in seconds, if the server issues such tokens
   * @throws `UnavailableError` if a refresh was necessary and failed for now
   */
  getAccessToken(options?: { minValidity?: number | undefined }): Promise<string | null>
  /** Stops sending messages to other tabs and receiving theirs. */
  close(): void
}
