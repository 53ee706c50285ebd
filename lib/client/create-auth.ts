import { issuedTokenOf } from './access-token.js'
import { isTokenRejected } from './authenticated-fetch.js'
import { createClient } from './client.js'
import type { AuthFetchOptions } from './options.js'
import type { Runtime } from './runtime.js'
import { createSessionView, userOf } from './session-view.js'
import type { Auth } from './types.js'

/** Creates a client with the methods that a user interface needs, for a given runtime. */
export function createAuthIn(runtime: Runtime, options: AuthFetchOptions): Auth {
  const [auth, session, tabs, transport, refresh, post, routesUrl, logins, usableToken] = createClient(
    runtime,
    options
  )
  const { snapshot, subscribe } = createSessionView(session)

  return {
    ...auth,
    snapshot,
    subscribe,
    async restore({ afterLogin = false } = {}) {
      try {
        // Otherwise the cookie of the session that the user leaves would restore it.
        await logins.settle()
      } catch {
        return snapshot()
      }
      await transport.recover?.()
      const isUnknown = !session.isEnded && !session.token
      if (!isUnknown) session.reset()
      const isRefreshed = await refresh(session.token).then(
        () => true,
        () => false
      )
      // As a login, because the session may be new to the other tabs. Not after each page load, because that would undo a
      // logout in progress in another tab.
      if (isRefreshed && session.token && (afterLogin || !isUnknown))
        tabs.broadcast({ type: 'login', token: session.token })
      return snapshot()
    },
    async logoutAll() {
      // All sessions are revoked, so that it does not matter whether the server confirms the logout.
      if (await postAsUser('/logout-all')) await auth.logout().catch(() => {})
    },
    async logoutOthers() {
      await postAsUser('/logout-others')
    },
    async adoptAccessToken(body) {
      const issued = issuedTokenOf(body as Record<string, unknown>, runtime.now())
      if (!issued) throw new TypeError('body must be a token response')
      // A refresh in progress may return a token without the change, and would replace this one.
      await settle().catch(() => {})
      const { user } = snapshot()
      const { sub, sid } = userOf(issued.value)
      if (!user || user.sub !== sub || user.sid !== sid) return false
      const { lifetimeMs, expiresAt } = session.token ?? issued
      const token = { ...issued, lifetimeMs, expiresAt: Math.min(issued.expiresAt, expiresAt) }
      session.setToken(token, false)
      tabs.broadcast({ type: 'token', token })
      return true
    }
  }

  /** Resolves after a refresh in progress, of this tab or of another one that holds the lock. */
  async function settle(): Promise<void> {
    if (runtime.locks && options.channel !== false && transport.name !== undefined)
      return tabs.withLock(async () => {}, new AbortController().signal)
    // Joins the refresh in progress. Without one it ends at once, because no lock delays it.
    if (session.token) return refresh(null)
  }

  /**
   * Posts to a route that needs the access token. Refreshes if the server rejects the token before it expires, for example
   * after a rotation of its keys.
   * @returns whether no other user has logged in meanwhile
   * @throws `UnavailableError` with the `serverCode` if the server does not confirm
   */
  async function postAsUser(route: string): Promise<boolean> {
    const token = await usableToken()
    const { subject } = session
    const isSameUser = () => session.subject === subject
    const send = (accessToken: string | undefined) => post(routesUrl + route, { accessToken })

    let result = await send(token?.value)
    if (token && result.response && (await isTokenRejected(runtime, result.response))) {
      await refresh(token)
      if (isSameUser()) result = await send(session.token?.value)
    }
    if (!result.isOk) throw Object.assign(result.error, { serverCode: result.body?.code })
    return isSameUser()
  }
}
