import { createAuthFetch } from './client.js'

const ends = []
const auth = createAuthFetch({ baseUrl: location.origin, onSessionEnd: (reason) => ends.push(reason) })
let calls = 0

/** What the tests ask a tab to do. */
globalThis.tab = {
  /** Why its session ended, each time. */
  ends,
  login: async (sub) => (await auth.login({ sub })).status,
  logout: () => auth.logout(),
  /** As an application does which does not wait for the server. */
  logoutAndReload() {
    auth.logout().catch(() => {})
    location.reload()
  },
  restore: async () => (await auth.getAccessToken()) !== null,
  /** Who the server says that one is, or how it refused. */
  async call() {
    // Of two requests for one address the browser's cache lets the second wait for the first.
    const response = await auth.fetch(`/me?${Math.random()}-${calls++}`)
    return response.ok ? (await response.json()).sub : response.status
  },
  /** What a script can see of the refresh token. */
  visible: async () => ({
    cookie: document.cookie,
    store: (await globalThis.cookieStore?.getAll())?.map(({ name }) => name) ?? [],
    storage: localStorage.length + sessionStorage.length
  })
}
