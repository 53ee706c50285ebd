import { createClient } from './client.js'
import type { AuthFetchOptions } from './options.js'
import type { Runtime } from './runtime.js'
import { createSessionView } from './session-view.js'
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
      const token = await usableToken()
      const { subject } = session
      const isSameUser = () => session.subject === subject
      const send = (accessToken: string | undefined) => post(`${routesUrl}/logout-all`, { accessToken })

      let result = await send(token?.value)
      // The server may reject a token before it expires, for example after a rotation of its keys.
      if (token && result.response?.status === 401) {
        await refresh(token)
        if (isSameUser()) result = await send(session.token?.value)
      }
      if (!result.isOk) throw result.error
      // All sessions are revoked, so that it does not matter whether the server confirms the logout.
      if (isSameUser()) await auth.logout().catch(() => {})
    }
  }
}
