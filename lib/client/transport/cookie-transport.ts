import type { CreateTransport } from './transport.js'

/** Leaves the refresh token to the browser. For a server with the transport `'cookie'`. */
export const cookieTransport: CreateTransport = (_runtime, post) => ({
  name: '',
  refresh: (url, signal) => post(url, { credentials: 'include', signal }),
  async logIn(url, body, signal) {
    const result = await post(url, { credentials: 'include', body, signal })
    const { response, body: json, token } = result
    // Otherwise the session would end when the access token expires.
    const hasToken = json?.refresh_token || response?.headers.has('x-refresh-token')
    return token && hasToken ? { ...result, isMismatch: true } : result
  },
  // `keepalive`, because the application may leave the page at once.
  logOut: (url, accessToken, _isRetry, isReplaced) =>
    post(url, { credentials: isReplaced ? 'omit' : 'include', accessToken, keepalive: true })
})
