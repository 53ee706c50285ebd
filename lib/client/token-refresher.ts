import { type ApiResponse, type AuthApi, issuedTokenOf } from './auth-api.js'
import { UnavailableError } from './errors.js'
import type { AttemptResult, Retry } from './retry.js'
import type { IssuedToken, SessionState } from './session-state.js'
import type { TabSync } from './tab-sync.js'
import type { TokenStorage } from './token-storage.js'

/** The codes that end the session. Any other response keeps it, for example a 401 of a proxy. */
const TERMINAL_CODES = new Set<unknown>([
  'FRT_ERR_NO_REFRESH_TOKEN',
  'FRT_ERR_REFRESH_TOKEN_INVALID',
  'FRT_ERR_REFRESH_TOKEN_EXPIRED',
  'FRT_ERR_REFRESH_TOKEN_REUSED',
  'FRT_ERR_SESSION_REVOKED'
])

const DONE: AttemptResult = { done: true }

interface TokenRefresherDependencies {
  session: SessionState
  api: AuthApi
  tabs: TabSync
  retry: Retry
  /** `null` in cookie mode. */
  tokenStorage: TokenStorage | null
}

/** Refreshes the access token. Concurrent callers share one refresh. */
export class TokenRefresher {
  readonly #deps: TokenRefresherDependencies
  #running: { epoch: number; refreshed: Promise<void> } | null = null

  constructor(deps: TokenRefresherDependencies) {
    this.#deps = deps
  }

  /**
   * Resolves when the access token is not `staleToken` any more, or when the session has ended.
   * @throws `UnavailableError` if the server or the storage is unavailable
   */
  refresh(staleToken: string | null): Promise<void> {
    const { session, retry, tabs } = this.#deps
    const { epoch } = session
    if (this.#running?.epoch === epoch) return this.#running.refreshed
    // A login or logout aborts the refresh: its response could replace the cookie of the new login.
    const aborter = new AbortController()
    session.onChange = () => aborter.abort()
    const { signal } = aborter
    const refreshed = retry.run(
      () => tabs.withLock(() => this.#attempt(staleToken, epoch, signal), signal),
      signal
    )
    const running = { epoch, refreshed }
    this.#running = running
    const settle = () => {
      if (this.#running === running) this.#running = null
    }
    refreshed.then(settle, settle)
    return refreshed
  }

  async #attempt(staleToken: string | null, epoch: number, signal: AbortSignal): Promise<AttemptResult> {
    const { session, api, tokenStorage } = this.#deps
    // A login, a logout or the refresh of another tab happened during the wait.
    if (session.epoch !== epoch || session.token !== staleToken) return DONE
    const refreshToken = tokenStorage && (await tokenStorage.get())
    if (tokenStorage && !refreshToken) {
      session.end('FRT_ERR_NO_REFRESH_TOKEN')
      return DONE
    }
    let response: ApiResponse
    try {
      response = await api.call(
        '/refresh',
        refreshToken === null ? undefined : { refresh_token: refreshToken },
        { signal }
      )
    } catch (cause) {
      if (signal.aborted) return DONE
      // The server may have rotated the token. It answers the same token again with a replay.
      return { done: false, retryAfterMs: 0, cause }
    }
    // A logout during the request wins.
    return session.epoch === epoch ? this.#handleResponse(response, refreshToken) : DONE
  }

  async #handleResponse(
    { status, body, retryAfterMs }: ApiResponse,
    refreshToken: string | null
  ): Promise<AttemptResult> {
    const token = issuedTokenOf(body)
    if (status === 200 && token) return this.#storeTokens(token, refreshToken, body.refresh_token)
    if (status === 401 && TERMINAL_CODES.has(body.code))
      return this.#endSession(body.code as string, refreshToken)
    const cause = new Error(`${status} ${String(body.code ?? '')}`)
    // The cookie or the storage may already hold the newer token, so the next attempt need not wait for the whole window.
    if (body.code === 'FRT_ERR_REFRESH_CONFLICT') return { done: false, retryAfterMs: 0, cause }
    if (status === 429 || status >= 500) return { done: false, retryAfterMs, cause }
    throw new UnavailableError('the server sent an unexpected response', { cause })
  }

  async #storeTokens(
    token: IssuedToken,
    refreshToken: string | null,
    nextRefreshToken: unknown
  ): Promise<AttemptResult> {
    const { session, tabs, tokenStorage } = this.#deps
    const { epoch } = session
    // Store the refresh token first: using the access token confirms to the server that the client holds both.
    if (tokenStorage && refreshToken !== null && typeof nextRefreshToken === 'string') {
      await tokenStorage.replace(refreshToken, nextRefreshToken)
    }
    if (session.epoch === epoch) {
      session.updateToken(token)
      tabs.broadcast({ type: 'token', token })
    }
    return DONE
  }

  async #endSession(code: string, refreshToken: string | null): Promise<AttemptResult> {
    const { session, tokenStorage } = this.#deps
    const { epoch } = session
    const isRemoved =
      !tokenStorage || refreshToken === null || (await tokenStorage.replace(refreshToken, null))
    // Another tab has logged in meanwhile and stored a token that may be valid.
    if (!isRemoved) return { done: false, retryAfterMs: 0, cause: new Error(code) }
    if (session.epoch === epoch) session.end(code)
    return DONE
  }
}
