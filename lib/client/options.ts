import type { SessionKey } from './key/session-key.js'
import type { CreateTransport } from './transport/transport.js'
import type { FetchFunction, SessionEndReason } from './types.js'

/** The options of `createAuth` and `createAuthFetch`. */
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
   * How the refresh token travels: `bodyTransport(storage)` or `headerTransport(storage)`. Without it, the browser keeps
   * the refresh token in a cookie.
   */
  transport?: CreateTransport | undefined
  /**
   * Binds sessions to a key, so that a copied refresh token is useless without it: `createBoundKey()` in browsers, or
   * `customKey(prove)`.
   */
  key?: SessionKey | undefined
  /**
   * Additional headers of the requests to the login, refresh and logout routes. The headers of the client replace them:
   * `content-type`, and those of the tokens.
   */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * `accessToken.header` of the server.
   * @default 'authorization'
   */
  accessTokenHeader?: string | undefined
  /**
   * The name of the channel and the lock that the tabs share. `false`: the client does not exchange messages.
   * @default a name that contains the URL of the routes
   */
  channel?: string | false | undefined
  /**
   * Called once in each tab when a session ends, also when another user replaces it. The server may not have processed a
   * logout yet, so that the page should not be left or reloaded for the reason `'logout'`.
   */
  onSessionEnd?: ((reason: SessionEndReason) => void) | undefined
  /** Replaces the `fetch` of the runtime. */
  fetch?: FetchFunction | undefined
}
