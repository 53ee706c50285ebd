import { createClient } from './client.js'
import type { AuthFetchOptions } from './options.js'
import type { Runtime } from './runtime.js'
import { createSessionView } from './session-view.js'
import type { Auth } from './types.js'

/** Creates a client with the methods that a user interface needs, for a given runtime. */
export function createAuthIn(runtime: Runtime, options: AuthFetchOptions): Auth {
  const { auth, session, tabs, transport, refresh, post, routesUrl, logins, usableToken } = createClient(
    runtime,
    options
  )
  const { snapshot, subscribe } = createSessionView(session)

  return {
    ...auth,
    snapshot,
    subscribe,
    async restore() {
      // Otherwise the cookie of the session that the user leaves would restore it.
      await logins.logoutSettled()
      await transport.recover?.()
      const isUnknown = !session.isEnded && !session.token
      if (!isUnknown) session.reset()
      await refresh(null).catch(() => {})
      // As a login, because the session may be new to the other tabs.
      if (!isUnknown && session.token) tabs.broadcast({ type: 'login', token: session.token })
      return snapshot()
    },
    async logoutAll() {
      const accessToken = (await usableToken())?.value
      const { isOk, error } = await post(`${routesUrl}/logout-all`, { accessToken })
      if (!isOk) throw error
      await auth.logout()
    }
  }
}
