import { payloadBytesOf } from './access-token.js'
import type { SessionState } from './session-state.js'
import type { SessionSnapshot, SessionUser } from './types.js'

/** The session as a user interface shows it. */
export interface SessionView {
  snapshot(): SessionSnapshot
  subscribe(listener: () => void): () => void
}

/** Follows the session. The snapshot is the same object until something changes. */
export function createSessionView(session: SessionState): SessionView {
  const listeners = new Set<() => void>()
  let user: SessionUser | null = null
  let current: SessionSnapshot = Object.freeze({ status: 'unknown', user: null, reason: null })

  session.onChange = (reason) => {
    if (session.token) {
      const next = userOf(session.token.value)
      // The same object, so that a user interface does not render again after each refresh.
      if (JSON.stringify(next) !== JSON.stringify(user)) user = next
    } else if (session.isEnded) user = null
    publish({ status: statusOf(session), user, reason } as SessionSnapshot)
  }

  function publish(next: SessionSnapshot): void {
    const { status, user, reason } = current
    // A refresh has no reason of its own. The reason of the snapshot stays then.
    if (next.status === status && next.user === user && (!next.reason || next.reason === reason)) return
    current = Object.freeze(next)
    // Not called here, so that an error in a listener cannot stop the client.
    for (const listener of listeners) queueMicrotask(listener)
  }

  return {
    snapshot: () => current,
    subscribe(listener) {
      // An entry of its own, because the same function may be subscribed twice. It may be removed before it is called.
      const entry = () => {
        if (listeners.has(entry)) listener()
      }
      listeners.add(entry)
      return () => listeners.delete(entry)
    }
  }
}

function statusOf({ token, isEnded }: SessionState): SessionSnapshot['status'] {
  if (token) return 'authenticated'
  return isEnded ? 'anonymous' : 'unavailable'
}

/**
 * Returns the claims that stay the same when the token is refreshed, deeply frozen. Returns an empty object for a token
 * that is not a JWT.
 */
export function userOf(token: string): SessionUser {
  try {
    // Percent-encoded UTF-8, because some versions of React Native have no `TextDecoder`.
    const payload = decodeURIComponent(payloadBytesOf(token).replace(/[\s\S]/g, percentEncode))
    const { iat, exp, gen, jti, ...user } = JSON.parse(payload, (_name, value) => Object.freeze(value))
    return Object.freeze(user)
  } catch {
    return Object.freeze({}) as SessionUser
  }
}

function percentEncode(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
}
