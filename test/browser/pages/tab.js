import { createAuth, createBoundKey } from './client.js'

const ends = []
const auth = createAuth({
  baseUrl: location.origin,
  // A page at `/?bound` binds its session to a key.
  key: location.search === '?bound' ? createBoundKey() : undefined,
  onSessionEnd: (reason) => ends.push(reason)
})
let calls = 0

/** The functions that the tests call in a tab. */
globalThis.tab = {
  /** The reasons that `onSessionEnd` received. */
  ends,
  login: async (sub) => (await auth.login({ sub })).status,
  /** Logs in with the fields of a form. */
  async loginWithForm(sub) {
    const form = new FormData()
    form.append('sub', sub)
    return (await auth.login(form)).status
  },
  logout: () => auth.logout(),
  /** Logs out and reloads without waiting for the server. */
  logoutAndReload() {
    auth.logout().catch(() => {})
    location.reload()
  },
  restore: async () => (await auth.getAccessToken()) !== null,
  token: () => auth.getAccessToken(),
  snapshot: () => auth.snapshot(),
  /** Returns the subject, or the status of the rejection. */
  async call() {
    // A unique URL, because the browser cache runs two requests for one URL one after the other.
    const response = await auth.fetch(`/me?${Math.random()}-${calls++}`)
    return response.ok ? (await response.json()).sub : response.status
  },
  status: async (path) => (await auth.fetch(path)).status,
  /** Sends a `Request` of another frame. Returns its body as the server received it. */
  async echo() {
    const frame = document.body.appendChild(document.createElement('iframe'))
    const headers = { 'content-type': 'text/plain' }
    const request = new frame.contentWindow.Request('/echo', { method: 'POST', headers, body: 'some text' })
    return (await auth.fetch(request)).text()
  },
  /** Sends a `Request` as the second argument. Returns the status. */
  requestAsOptions: async () =>
    (await auth.fetch('/echo', new Request('/ignored', { method: 'POST' }))).status,
  /** Sends a message to the other tabs on the channel of the client. */
  post(message) {
    const channel = new BroadcastChannel(`fastify-refresh-token ${location.origin}/auth `)
    channel.postMessage(message)
    channel.close()
  },
  /** Returns the error of a client with a prefix without a slash. */
  badPrefix() {
    try {
      createAuth({ baseUrl: location.origin, prefix: 'auth' })
    } catch (error) {
      return String(error)
    }
  },
  /** Returns what a script can read of the refresh token. */
  visible: async () => ({
    cookie: document.cookie,
    store: (await globalThis.cookieStore?.getAll())?.map(({ name }) => name) ?? [],
    storage: localStorage.length + sessionStorage.length
  })
}
