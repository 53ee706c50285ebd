import { AuthApi, issuedTokenOf, readJson } from './auth-api.js'
import { createAuthenticatedFetch, findUsableToken } from './authenticated-fetch.js'
import { type AttemptResult, Retry } from './retry.js'
import type { Runtime } from './runtime.js'
import { SessionState } from './session-state.js'
import { type TabMessage, TabSync } from './tab-sync.js'
import { TokenRefresher } from './token-refresher.js'
import { TokenStorage } from './token-storage.js'
import type { AuthFetch, AuthFetchOptions } from './types.js'

interface Tokens {
  token: string | null
  refreshToken: string | null
}

const NO_TOKENS: Readonly<Tokens> = { token: null, refreshToken: null }

/** Creates the client for a given runtime. */
export function createAuthFetchIn(
  runtime: Runtime,
  { baseUrl: base, prefix = '/auth', origins = [], storage, onSessionEnd = () => {} }: AuthFetchOptions
): AuthFetch {
  const baseUrl = new URL(base)
  const routesUrl = baseUrl.href.replace(/\/$/, '') + prefix
  const session = new SessionState(runtime, onSessionEnd)
  const tokenStorage = storage ? new TokenStorage(storage) : null
  const api = new AuthApi(runtime, routesUrl, !storage)
  const channelName = `fastify-refresh-token ${routesUrl}`
  const tabs = new TabSync(runtime, channelName, storage ? storage.name : '', onMessage)
  const retry = new Retry(runtime)
  const refresher = new TokenRefresher({ session, api, tabs, retry, tokenStorage })
  let loginInFlight: Promise<unknown> = Promise.resolve()
  let logoutInFlight: Promise<unknown> = Promise.resolve()
  /** The tokens of a logout that the server has not confirmed. The next logout sends them again. */
  let pendingLogout: Readonly<Tokens> = NO_TOKENS

  function onMessage(message: TabMessage): void {
    if (message.type === 'logout') session.end('logout')
    else if (message.type === 'login') session.start(message.token)
    else session.updateToken(message.token)
  }

  async function logIn(body: unknown, path = `${routesUrl}/login`): Promise<Response> {
    const { epoch } = session
    // Wait for a pending logout: it would send the new cookie and revoke the new session.
    await logoutInFlight
    const response = await api.post(new URL(path, baseUrl).href, body)
    const json = response.ok ? await readJson(response.clone()) : undefined
    const token = issuedTokenOf(json)
    if (!token) return response
    const refreshToken = typeof json?.refresh_token === 'string' ? json.refresh_token : null
    const tokens = { token: token.value, refreshToken }
    // A logout during the login wins. Of two logins the last one wins, because the browser has its cookie.
    if (session.isEnded && session.epoch !== epoch) {
      await revokeOnServer(tokens).catch(() => {})
      return response
    }
    session.start(token)
    const ownEpoch = session.epoch
    try {
      if (tokenStorage && refreshToken !== null) {
        await tokenStorage.set(refreshToken, () => session.epoch === ownEpoch)
      }
    } catch (error) {
      session.end('logout')
      await revokeOnServer(tokens).catch(() => {})
      throw error
    }
    if (session.epoch === ownEpoch) tabs.broadcast({ type: 'login', token })
    return response
  }

  async function logOut(): Promise<void> {
    pendingLogout = { token: session.token ?? pendingLogout.token, refreshToken: pendingLogout.refreshToken }
    try {
      session.end('logout')
    } finally {
      tabs.broadcast({ type: 'logout' })
      // Wait for a login in progress: otherwise its session would remain.
      await loginInFlight
      await sendLogout()
    }
  }

  /** Sends the logout even if the storage fails, because the access token identifies the session too. */
  async function sendLogout(): Promise<void> {
    let storageError: unknown
    const refreshToken = await tokenStorage?.take().catch((error) => {
      storageError = error
    })
    pendingLogout = { token: pendingLogout.token, refreshToken: refreshToken ?? pendingLogout.refreshToken }
    await revokeOnServer(pendingLogout)
    pendingLogout = NO_TOKENS
    if (storageError) throw storageError
  }

  function revokeOnServer({ token, refreshToken }: Readonly<Tokens>): Promise<void> {
    const body = refreshToken === null ? undefined : { refresh_token: refreshToken }
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const { epoch } = session
    return new Retry(runtime).run(async () => {
      // A login in another tab has replaced the session. The request would send the cookie of the new session.
      return !tokenStorage && session.epoch !== epoch ? { done: true } : postLogout(body, headers)
    })
  }

  async function postLogout(
    body: object | undefined,
    headers: Record<string, string>
  ): Promise<AttemptResult> {
    try {
      // The application may leave the page as soon as `onSessionEnd` is called.
      const { status, retryAfterMs } = await api.call('/logout', body, { headers, keepalive: true })
      if (status === 200) return { done: true }
      return { done: false, retryAfterMs, cause: new Error(String(status)) }
    } catch (cause) {
      return { done: false, retryAfterMs: 0, cause }
    }
  }

  return {
    fetch: createAuthenticatedFetch({
      runtime,
      session,
      refresher,
      baseUrl,
      origins: new Set([baseUrl, ...origins].map((origin) => new URL(origin).origin)),
      publicUrls: new Set(['/login', '/refresh', '/logout'].map((route) => routesUrl + route))
    }),
    login(body, path) {
      const result = logIn(body, path)
      loginInFlight = result.catch(() => {})
      return result
    },
    logout() {
      const result = logOut()
      logoutInFlight = result.catch(() => {})
      return result
    },
    getAccessToken: ({ minValidity = 0 } = {}) =>
      findUsableToken({ session, refresher }, 1, minValidity * 1000),
    close: () => tabs.close()
  }
}
