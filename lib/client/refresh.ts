import type { IssuedToken } from './access-token.js'
import type { UnavailableError } from './errors.js'
import type { ApiResponse } from './post-to-route.js'
import type { FailedAttempt, Retry } from './retry.js'
import type { SessionState } from './session-state.js'
import type { TabSync } from './tab-sync.js'
import type { RefreshErrorCode } from './types.js'

/**
 * Resolves when the access token is not `staleToken` any more, or when the session has ended. Concurrent callers share
 * one refresh.
 * @throws `UnavailableError` if the server is unavailable
 */
export type Refresh = (staleToken: IssuedToken | null) => Promise<void>

/** @param send sends one request. Resolves with `undefined` if there is no refresh token */
export function createRefresh(
  session: SessionState,
  tabs: TabSync,
  retry: Retry,
  send: (signal: AbortSignal) => Promise<ApiResponse | undefined>
): Refresh {
  let running: { epoch: number; refreshed: Promise<void> } | undefined

  return (staleToken) => {
    const { epoch } = session
    if (running?.epoch !== epoch) running = { epoch, refreshed: refresh(staleToken, epoch) }
    return running.refreshed
  }

  async function refresh(staleToken: IssuedToken | null, epoch: number): Promise<void> {
    // A login or logout aborts the refresh: its response could replace the cookie of the new login.
    const aborter = new AbortController()
    session.onEpoch = () => aborter.abort()
    const { signal } = aborter
    const isCurrent = () => session.epoch === epoch
    try {
      await retry(() => tabs.withLock(attempt, signal), signal)
    } catch (error) {
      if (isCurrent()) session.fail('FRT_ERR_CLIENT_UNAVAILABLE')
      throw error
    } finally {
      if (running?.epoch === epoch) running = undefined
    }

    async function attempt(): Promise<FailedAttempt | undefined> {
      // A login, a logout or the refresh of another tab happened during the wait.
      if (!isCurrent() || session.token !== staleToken) return undefined
      let answer: ApiResponse | undefined
      try {
        answer = await send(signal)
      } catch (error) {
        // The server may have rotated the token. It answers the same token again with a replay.
        return isCurrent() ? { retryAfterMs: 0, error: error as UnavailableError } : undefined
      }
      // A login or a logout during the request wins.
      return answer && isCurrent() ? handle(answer) : undefined
    }
  }

  function handle({
    body,
    token,
    isSessionEnd,
    canRetry,
    retryAfterMs,
    error
  }: ApiResponse): FailedAttempt | undefined {
    if (token) {
      session.setToken(token, false)
      tabs.broadcast({ type: 'token', token })
      return undefined
    }
    const code = body?.code as RefreshErrorCode | 'FRT_ERR_REFRESH_CONFLICT'
    // The cookie or the storage may already hold the newer token, so the next attempt need not wait for the whole window.
    if (code === 'FRT_ERR_REFRESH_CONFLICT') return { retryAfterMs: 0, error }
    if (canRetry) return { retryAfterMs, error }
    if (!isSessionEnd) throw error
    session.end(code)
    return undefined
  }
}
