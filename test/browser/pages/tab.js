import { createAuthFetch } from './client.js'

const ends = []
const auth = createAuthFetch({ baseUrl: location.origin, onSessionEnd: (reason) => ends.push(reason) })
let calls = 0

/** The functions that the tests call in a tab. */
globalThis.tab = {
  /** The reasons that `onSessionEnd` received. */
  ends,
  login: async (sub) => (await auth.login({ sub })).status,
  logout: () => auth.logout(),
  /** Logs out and reloads without waiting for the server. */
  logoutAndReload() {
    auth.logout().catch(() => {})
    location.reload()
  },
  restore: async () => (await auth.getAccessToken()) !== null,
  /** Returns the subject, or the status of the rejection. */
  async call() {
    // A unique URL, because the browser cache runs two requests for one URL one after the other.
    const response = await auth.fetch(`/me?${Math.random()}-${calls++}`)
    return response.ok ? (await response.json()).sub : response.status
  },
  /** Returns what a script can read of the refresh token. */
  visible: async () => ({
    cookie: document.cookie,
    store: (await globalThis.cookieStore?.getAll())?.map(({ name }) => name) ?? [],
    storage: localStorage.length + sessionStorage.length
  })
}
