import type { CreateTransport } from './transport.js'

/** Leaves the refresh token to the browser. For a server with the transport `'cookie'`. */
export const cookieTransport: CreateTransport = (_runtime, post) => ({
  name: '',
  refresh: (url, signal) => post(url, { credentials: 'include', signal }),
  async logIn(url, body, signal) {
    const answer = await post(url, { credentials: 'include', body, signal })
    // Otherwise the session would end when the access token expires.
    if (answer.token && (answer.body?.refresh_token || answer.response.headers.has('x-refresh-token')))
      answer.isMismatch = true
    return answer
  },
  // The application may leave the page as soon as `onSessionEnd` is called.
  logOut: (url, accessToken) => post(url, { credentials: 'include', accessToken, keepalive: true })
})
