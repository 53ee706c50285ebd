import type { IssuedToken } from './access-token.js'
import type { PostResult } from './post-to-route.js'
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
  send: (signal: AbortSignal) => Promise<PostResult | undefined>
): Refresh {
  let running: Promise<void> | undefined
  return (staleToken) => (running ??= refresh(staleToken))

  async function refresh(staleToken: IssuedToken | null): Promise<void> {
    const aborter = new AbortController()
    const { signal } = aborter
    // A login or logout aborts the refresh: its response could replace the cookie of the new login.
    session.abortRefresh = () => {
      running = undefined
      aborter.abort()
    }
    try {
      await retry(() => tabs.withLock(attempt, signal), signal)
    } catch (error) {
      if (!signal.aborted) session.fail('FRT_ERR_CLIENT_UNAVAILABLE')
      throw error
    } finally {
      // An aborted refresh has been replaced already.
      if (!signal.aborted) running = undefined
    }

    async function attempt(): Promise<FailedAttempt | undefined> {
      // A login, a logout or the refresh of another tab happened during the wait.
      if (signal.aborted || session.token !== staleToken) return undefined
      // If no response arrives, the server may have rotated the token. It answers the same token again with a replay.
      const result = await send(signal)
      // A login or a logout during the request wins.
      return result && !signal.aborted ? handle(result) : undefined
    }
  }

  function handle(result: PostResult): FailedAttempt | undefined {
    const { body, token, isSessionEnd, canRetry, error } = result
    if (token) {
      session.setToken(token, false)
      tabs.broadcast({ type: 'token', token })
      return undefined
    }
    const code = body?.code
    // After a conflict the cookie or the storage may already hold the newer token, so the next attempt need not wait for
    // the whole window.
    if (canRetry) return code === 'FRT_ERR_REFRESH_CONFLICT' ? { retryAfterMs: 0, error } : result
    if (!isSessionEnd) throw error
    session.end(code as RefreshErrorCode)
    return undefined
  }
}
