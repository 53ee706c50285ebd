import type { PostResult, PostToRoute } from '../post-to-route.js'
import type { Runtime } from '../runtime.js'
import type { SessionState } from '../session-state.js'

/** The result of a login. */
export interface LoginResult extends PostResult {
  /** Whether client and server use different transports. */
  isMismatch?: boolean
}

/** How the refresh token travels. Adds it to the requests, and stores the one of each response. */
export interface Transport {
  /** Identifies the session that tabs share. `undefined` if the session is not shared. */
  name: string | undefined
  /** Resolves with `undefined` if there is no refresh token. The transport has changed the session then. */
  refresh(url: string, signal: AbortSignal): Promise<PostResult | undefined>
  /** Resolves after the refresh token of the new session is stored. */
  logIn(url: string, body: unknown, signal: AbortSignal | undefined): Promise<LoginResult>
  /**
   * @param isReplaced whether another session has replaced the one of the access token. Its cookie or stored token must
   * not be sent
   */
  logOut(
    url: string,
    accessToken: string | undefined,
    isRetry: boolean,
    isReplaced: boolean
  ): Promise<PostResult>
  /** Uses a storage that failed again. */
  recover?(): Promise<unknown>
}

/** Creates the transport of one client. `bodyTransport` and `headerTransport` return such a function. */
export type CreateTransport = (runtime: Runtime, post: PostToRoute, session: SessionState) => Transport
