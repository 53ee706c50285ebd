import { headerOf } from './connection.mjs'
import { createKey, proofHeader } from './proofs.mjs'

/** The user agent of a browser, because the sessions store it. */
export const USER_AGENT =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36'

const COMMON = `host: localhost\r\nuser-agent: ${USER_AGENT}\r\n`

/** How clients of each transport read tokens from a response and present them. */
export const transports = {
  cookie: {
    read: (head, body) => ({ access: JSON.parse(body).access_token, refresh: cookieOf(head) }),
    guard: ({ access }) => get('/me', `authorization: Bearer ${access}`),
    refresh: ({ refresh }) => post('/auth/refresh', `cookie: ${refresh}`)
  },
  /** A cookie whose session is bound to a key: each refresh has a new proof. */
  bound: {
    createKey,
    read: (head, body) => ({ access: JSON.parse(body).access_token, refresh: cookieOf(head) }),
    refresh: ({ refresh, key }) =>
      post('/auth/refresh', `cookie: ${refresh}\r\n${proofHeader(key, '/auth/refresh')}`)
  },
  body: {
    read(_head, body) {
      const { access_token: access, refresh_token: refresh } = JSON.parse(body)
      return { access, refresh }
    },
    refresh: ({ refresh }) => postJson('/auth/refresh', { refresh_token: refresh })
  },
  header: {
    read: (head) => ({
      access: headerOf(head, 'x-access-token'),
      refresh: headerOf(head, 'x-refresh-token')
    }),
    refresh: ({ refresh }) => post('/auth/refresh', `x-refresh-token: ${refresh}`)
  },
  /** Without tokens: the cookie identifies the session. */
  session: {
    read: (head) => ({ refresh: cookieOf(head) }),
    guard: ({ refresh }) => get('/me', `cookie: ${refresh}`),
    refresh: ({ refresh }) => post('/auth/refresh', `cookie: ${refresh}`)
  }
}

/** @param key binds the session to this key */
export function loginRequest(username, key) {
  return postJson('/auth/login', { username }, key ? `${proofHeader(key, '/auth/login')}\r\n` : '')
}

function cookieOf(head) {
  const cookie = headerOf(head, 'set-cookie')
  return cookie?.slice(0, cookie.indexOf(';'))
}

export function get(path, header) {
  return `GET ${path} HTTP/1.1\r\n${COMMON}${header}\r\n\r\n`
}

export function post(path, header) {
  return `POST ${path} HTTP/1.1\r\n${COMMON}${header}\r\ncontent-length: 0\r\n\r\n`
}

function postJson(path, value, header = '') {
  const body = JSON.stringify(value)
  const headers = `${header}content-type: application/json\r\ncontent-length: ${body.length}`
  return `POST ${path} HTTP/1.1\r\n${COMMON}${headers}\r\n\r\n${body}`
}
