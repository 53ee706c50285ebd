/** Where the refresh token is kept in body mode: a keychain, a file, `localStorage`. */
export interface RefreshTokenStorage {
  /**
   * For a storage that all tabs have in common, such as `localStorage`: those with the same name share what they
   * get, and a logout. Without one it is this client's alone.
   */
  readonly name?: string | undefined
  get(): Promise<string | null | undefined> | string | null | undefined
  set(refreshToken: string): Promise<unknown> | unknown
  remove(): Promise<unknown> | unknown
}

/**
 * Why a session ended: `'logout'`, or the code of the answer that ended it, such as
 * `'FRT_ERR_REFRESH_TOKEN_REUSED'`.
 */
export type SessionEndReason = 'logout' | (string & {})

export interface AuthFetchOptions {
  /** The server that has the routes: `'https://api.example.com'`. What is fetched by a relative address is relative to it. */
  baseUrl: string | URL
  /**
   * `routes.prefix` of the server.
   * @default '/auth'
   */
  prefix?: string | undefined
  /** Origins beside that of `baseUrl` that are sent the access token. */
  origins?: readonly string[] | undefined
  /**
   * Keeps the refresh token, which then travels in the body (transport `'body'`). Without it the browser keeps
   * it in a cookie.
   */
  storage?: RefreshTokenStorage | undefined
  /**
   * Called once when a session that was there is over, in each tab.
   * @param reason 'logout', or the code that the server gave
   */
  onSessionEnd?: ((reason: SessionEndReason) => void) | undefined
  /** Instead of the runtime's own. */
  fetch?: typeof globalThis.fetch | undefined
}

export interface AuthFetch {
  /**
   * The standard `fetch`, which sends the access token along, and gets a fresh one where it is needed. Other
   * origins get the request as it is. Rejects with a `UnavailableError` where a fresh one was needed and could not
   * be had for now; where the session is over it gives the server's 401.
   */
  fetch: typeof globalThis.fetch
  /**
   * Logs in: the body is sent as JSON. The answer is the server's, also where it refuses (401).
   * @param path another route that answers as the login does, such as that of a second factor
   * @throws what `fetch` throws
   */
  login(body: unknown, path?: string): Promise<Response>
  /**
   * Logs out, here and in the other tabs at once, then at the server.
   * @throws `UnavailableError` where the server could not be told: the session may still be alive there
   */
  logout(): Promise<void>
  /**
   * An access token for what is no `fetch`: a WebSocket, an event stream. `null` where nobody is logged in.
   * After a page was loaded it is what brings the session back.
   * @param options.minValidity how many seconds it should live, if the server gives as much
   * @throws `UnavailableError` where a fresh one was needed and could not be had for now
   */
  getAccessToken(options?: { minValidity?: number | undefined }): Promise<string | null>
  /** Leaves the other tabs alone from then on. */
  close(): void
}
