import { type IssuedToken, subjectOf } from './access-token.js'
import type { Runtime } from './runtime.js'
import type { SessionEndReason, UnavailableReason } from './types.js'

const MAX_MARGIN_MS = 30_000

/** The session state of this tab and the access token, in memory only. */
export interface SessionState {
  /** Counts the logouts of all tabs, so that a login in progress detects one. */
  readonly logouts: number
  readonly isEnded: boolean
  readonly token: IssuedToken | null
  /** The last known user. `undefined` if there is no session, or if its token is not a JWT. */
  readonly subject: unknown
  /** Called when a login, a logout or another user replaces the session. Aborts a refresh of the replaced session. */
  abortRefresh: (() => void) | undefined
  /** Called after each change that a user interface may show. `reason` is `null` if the user is logged in. */
  onChange: ((reason: SessionEndReason | UnavailableReason | null) => void) | undefined
  /** Returns the remaining lifetime of the access token, on the clock of this tab. */
  validMs(): number
  /**
   * Returns whether the token must be refreshed.
   * @param margins the required validity, as a multiple of the margin. The margin is random, so that tabs do not refresh
   * at once
   * @param minValidityMs the required validity. At most what a new token has after one margin, because otherwise each
   * call would refresh
   */
  isDue(margins: number, minValidityMs: number): boolean
  /**
   * Sets the token of a login, or a refreshed token. Does nothing for a refreshed token if the session has ended, so that
   * a late response does not restore it.
   */
  setToken(token: IssuedToken, isLogin: boolean): void
  end(reason: SessionEndReason): void
  /** Shows that a refresh failed, unless the current token is still valid. */
  fail(reason: UnavailableReason): void
  /** Forgets the end of the session and aborts a refresh in progress, so that the next refresh decides. */
  reset(): void
}

export function createSessionState(
  { now, random }: Runtime,
  onEnd: (reason: SessionEndReason) => void
): SessionState {
  let marginMs = 0
  /** Whether the page has seen a session whose end was not reported. */
  let isActive = false

  const state = {
    logouts: 0,
    isEnded: false,
    token: null as IssuedToken | null,
    subject: undefined as unknown,
    abortRefresh: undefined as SessionState['abortRefresh'],
    onChange: undefined as SessionState['onChange'],

    validMs: () => (state.token ? state.token.expiresAt - now() : 0),
    isDue(margins: number, minValidityMs: number): boolean {
      const reachableMs = state.token ? state.token.lifetimeMs - marginMs : 0
      return state.validMs() <= Math.max(margins * marginMs, Math.min(minValidityMs, reachableMs))
    },
    setToken(token: IssuedToken, isLogin: boolean): void {
      if (state.isEnded && !isLogin) return
      const subject = subjectOf(token.value)
      // A refresh returns another user if a login elsewhere has replaced the cookie.
      const isOther = isActive && state.subject !== subject
      isActive = true
      state.isEnded = false
      state.token = token
      state.subject = subject
      marginMs = Math.min(MAX_MARGIN_MS, token.lifetimeMs * (0.05 + 0.1 * random()))
      if (isLogin || isOther) state.abortRefresh?.()
      state.onChange?.(isOther ? 'user-changed' : null)
      if (isOther) onEnd('user-changed')
    },
    end(reason: SessionEndReason): void {
      // After a page load it is unknown whether a session existed. The reason shows it.
      const mustReport = isActive || (!state.isEnded && reason !== 'FRT_ERR_NO_REFRESH_TOKEN')
      isActive = false
      state.isEnded = true
      state.token = null
      state.subject = undefined
      // Not for a session that the server ended, which must not cancel a login in progress.
      if (reason === 'logout') {
        state.logouts++
        state.abortRefresh?.()
      }
      state.onChange?.(reason)
      if (mustReport) onEnd(reason)
    },
    fail(reason: UnavailableReason): void {
      if (state.isEnded || state.validMs() > 0) return
      state.token = null
      state.onChange?.(reason)
    },
    reset(): void {
      state.isEnded = false
      state.abortRefresh?.()
    }
  }

  return state
}
