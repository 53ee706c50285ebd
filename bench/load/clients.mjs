import { userName } from '../implementations/common.mjs'
import { loginRequest, transports } from './transports.mjs'

// Each function returns the client of one connection. `next()` returns the next request. `check(status, head, body)` throws
// if the response is wrong.

/** Guarded GETs with the tokens of some sessions in turn. */
export function guardedGet({ transport, sessions }) {
  const rounds = sessions.map((session) => ({
    request: transports[transport].guard(session),
    expectedBody: JSON.stringify({ sub: session.sub })
  }))
  let turn = 0
  let current
  return {
    next() {
      current = rounds[turn++ % rounds.length]
      return current.request
    },
    check: (status, _head, body) => expect(status === 200 && body === current.expectedBody, status, body)
  }
}

/** Guarded GETs, each with the next token of a pool that all connections share. */
export function guardedGetWithNewTokens({ pool }) {
  let expectedBody
  return {
    next() {
      const { sub, access } = pool.next()
      expectedBody = `{"sub":"${sub}"}`
      return transports.cookie.guard({ access })
    },
    check: (status, _head, body) => expect(status === 200 && body === expectedBody, status, body)
  }
}

/** Refreshes of some sessions in turn, each with the token of the previous response. */
export function refresh({ transport, sessions, rotates }) {
  const { read, refresh: requestOf } = transports[transport]
  let turn = 0
  let session
  return {
    next() {
      session = sessions[turn++ % sessions.length]
      return requestOf(session)
    },
    check(status, head, body) {
      expect(status === 200, status, body)
      const { access, refresh } = read(head, body)
      if (rotates) {
        expect(refresh !== undefined && refresh !== session.refresh, status, 'the same refresh token')
      }
      if (access !== undefined) checkClaims(access, session, rotates)
      session.refresh = refresh ?? session.refresh
    }
  }
}

function checkClaims(access, session, rotates) {
  const { sub, gen } = claimsOf(access)
  expect(sub === session.sub, 200, `the token of ${sub}`)
  if (rotates) expect(gen === session.gen + 1, 200, `generation ${gen} after ${session.gen}`)
  session.gen = gen
}

/** Logins, each of a new user. */
export function login({ transport, users }) {
  const { read } = transports[transport]
  let sub
  return {
    next() {
      sub = users.next()
      return loginRequest(sub)
    },
    check(status, head, body) {
      expect(status === 200, status, body)
      const { access, refresh } = read(head, body)
      expect(refresh !== undefined, status, 'no refresh token')
      if (access !== undefined) expect(claimsOf(access).sub === sub, status, 'the token of another user')
    }
  }
}

/** Returns a source of new users. */
export function newUsers() {
  let number = 0
  return { next: () => userName(number++) }
}

/** Logs a user in. Returns the session as its client holds it. */
export async function logIn(connection, transport, sub) {
  const key = transports[transport].createKey?.()
  const { status, head, body } = await connection.request(loginRequest(sub, key))
  expect(status === 200, status, body)
  return { sub, gen: 1, key, ...transports[transport].read(head, body) }
}

function claimsOf(jwt) {
  return JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'))
}

function expect(isExpected, status, what) {
  if (!isExpected) throw new Error(`wrong response: ${status} ${what}`)
}
