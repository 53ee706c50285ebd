import { UnavailableError } from './errors.js'
import { createRetry } from './retry.js'
import type { Runtime } from './runtime.js'
import type { SessionState } from './session-state.js'
import type { TabSync } from './tab-sync.js'
import { rejectOnAbort } from './time-limit.js'
import type { Transport } from './transport/transport.js'

/** Logs in and out. A login and a logout wait for each other, because the browser has one cookie for both. */
export interface LoginAndLogout {
  /** Identical calls share one request, because a second click must not create a second session. */
  logIn(url: string, body: unknown, signal: AbortSignal | undefined): Promise<Response>
  /** Logs out in all tabs, then on the server. */
  logOut(): Promise<void>
  /**
   * Resolves after a login and a logout in progress. Repeats a logout that the server has not confirmed.
   * @throws `UnavailableError` if the server does not confirm it
   */
  settle(): Promise<void>
}

interface RunningLogin {
  key: string
  signal: AbortSignal | undefined
  response: Promise<Response>
}

export function createLoginAndLogout(
  runtime: Runtime,
  session: SessionState,
  tabs: TabSync,
  transport: Transport,
  logoutUrl: string
): LoginAndLogout {
  let login: RunningLogin | undefined
  let logout: Promise<unknown> = Promise.resolve()
  /** The access token of a logout that the server has not confirmed. The next logout sends it again. */
  let unconfirmed: string | undefined

  return {
    async logIn(url, input, signal) {
      const body = toObject(input)
      const key = url + JSON.stringify(body)
      if (login?.key !== key || login.signal !== signal)
        login = { key, signal, response: runLogin(url, body, signal, key) }
      // Each caller reads a body of its own.
      return (await login.response).clone()
    },
    logOut() {
      const result = runLogout()
      logout = result.catch(() => {})
      return result
    },
    async settle() {
      await logout
      await login?.response.catch(() => {})
      if (unconfirmed) await revoke(unconfirmed, true)
    }
  }

  async function runLogin(
    url: string,
    body: unknown,
    signal: AbortSignal | undefined,
    key: string
  ): Promise<Response> {
    const { logouts } = session
    try {
      // Wait for a pending logout: it would send the new cookie and revoke the new session.
      await rejectOnAbort(() => logout, signal)
      const { response, body: json, token, isMismatch, error } = await transport.logIn(url, body, signal)
      if (!response || !json) throw error
      if (!token) return response
      if (isMismatch) endInAllTabs()
      // A logout during the login wins. Of two logins the last one wins, because the browser has its cookie.
      if (isMismatch || (session.isEnded && session.logouts !== logouts)) {
        await revoke(token.value).catch(() => {})
        if (!isMismatch) return response
        throw new UnavailableError(`${error.message}: the server uses another transport`)
      }
      session.setToken(token, true)
      tabs.broadcast({ type: 'login', token })
      return response
    } finally {
      if (login?.key === key) login = undefined
    }
  }

  async function runLogout(): Promise<void> {
    const accessToken = session.token?.value ?? unconfirmed
    unconfirmed = accessToken
    endInAllTabs()
    // Wait for a login in progress: otherwise its session would remain.
    await login?.response.catch(() => {})
    await revoke(accessToken)
  }

  function endInAllTabs(): void {
    session.end('logout')
    tabs.broadcast({ type: 'logout' })
  }

  /** @param mayBeReplaced whether the cookie may be that of a login that this client did not make */
  async function revoke(accessToken: string | undefined, mayBeReplaced?: boolean): Promise<void> {
    let isRetry = false
    await createRetry(runtime)(async () => {
      // Another tab has logged in if the session has not ended any more.
      const isReplaced = mayBeReplaced || !session.isEnded
      const result = await transport.logOut(logoutUrl, accessToken, isRetry, isReplaced)
      isRetry = true
      return result.isOk ? undefined : result
    })
    // A later logout may have left another session unconfirmed.
    if (unconfirmed === accessToken) unconfirmed = undefined
  }
}

/** `JSON.stringify` of `FormData` or `URLSearchParams` is `{}`. */
function toObject(body: unknown): unknown {
  const isList = typeof (body as FormData | undefined)?.entries === 'function' && !Array.isArray(body)
  return isList ? Object.fromEntries(body as FormData) : body
}
