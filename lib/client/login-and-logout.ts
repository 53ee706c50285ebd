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
  /** Resolves after a logout in progress. */
  logoutSettled(): Promise<unknown>
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
    logoutSettled: () => logout
  }

  async function runLogin(
    url: string,
    body: unknown,
    signal: AbortSignal | undefined,
    key: string
  ): Promise<Response> {
    const { epoch } = session
    try {
      // Wait for a pending logout: it would send the new cookie and revoke the new session.
      await rejectOnAbort(() => logout, signal)
      const { response, body: json, token, isMismatch, error } = await transport.logIn(url, body, signal)
      if (!response || !json) throw error
      if (!token) return response
      if (isMismatch) endInAllTabs()
      // A logout during the login wins. Of two logins the last one wins, because the browser has its cookie.
      if (isMismatch || (session.isEnded && session.epoch !== epoch)) {
        await revoke(token.value).catch(() => {})
        if (!isMismatch) return response
        throw new UnavailableError(`${error.message}: client and server use different transports`)
      }
      session.setToken(token, true)
      tabs.broadcast({ type: 'login', token })
      return response
    } finally {
      if (login?.key === key) login = undefined
    }
  }

  async function runLogout(): Promise<void> {
    unconfirmed = session.token?.value ?? unconfirmed
    try {
      endInAllTabs()
    } finally {
      // Wait for a login in progress: otherwise its session would remain.
      await login?.response.catch(() => {})
      await revoke(unconfirmed)
      unconfirmed = undefined
    }
  }

  function endInAllTabs(): void {
    try {
      session.end('logout')
    } finally {
      tabs.broadcast({ type: 'logout' })
    }
  }

  async function revoke(accessToken: string | undefined): Promise<void> {
    const { epoch } = session
    let isRetry = false
    await createRetry(runtime)(async () => {
      // A login in another tab has replaced the session. The request would send the cookie of the new session.
      if (session.epoch !== epoch) return undefined
      const result = await transport.logOut(logoutUrl, accessToken, isRetry)
      isRetry = true
      return result.isOk ? undefined : result
    })
  }
}

/** `JSON.stringify` of `FormData` or `URLSearchParams` is `{}`. */
function toObject(body: unknown): unknown {
  const isList = typeof (body as FormData | undefined)?.entries === 'function' && !Array.isArray(body)
  return isList ? Object.fromEntries(body as FormData) : body
}
