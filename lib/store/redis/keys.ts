import { tagIn, tagOf } from '../../tokens/session-id.js'

/** The Redis keys of one user. */
export interface UserKeys {
  /** All sessions of the user. */
  sessions: string
  /** Prefix: append a sid. The reason why the session was revoked. */
  denylist: string
  /** Prefix: append an idempotency key. The result of a call. */
  results: string
  /** Prefix: append the id of a proof. The idempotency key of the call that used it. */
  usedProofs: string
  /** Written before `WAIT`, which covers only the writes of its own connection. */
  replicationMarker: string
}

/**
 * Builds all Redis keys of the store. The braces put all keys of one user into one Cluster slot. They contain the user's
 * tag, which is a part of each sid and a hash of the `sub`.
 */
export function createKeys(keyPrefix: string) {
  const userKeys = (tag: string): UserKeys => {
    const base = `${keyPrefix}{${tag}}:`
    return {
      sessions: `${base}s`,
      denylist: `${base}b:`,
      results: `${base}o:`,
      usedProofs: `${base}j:`,
      replicationMarker: `${base}w`
    }
  }
  return {
    ofSession: (sid: string) => userKeys(tagIn(sid)),
    ofUser: (sub: string) => userKeys(tagOf(sub)),
    /** The stream of revocations of all users. A tag always has 12 characters, so `feed` cannot be one. */
    feed: `${keyPrefix}{feed}:revoked`,
    /** Prefix: append the id of a process. In the slot of the stream, because one script reads both. */
    pulse: `${keyPrefix}{feed}:p:`
  }
}

export type Keys = ReturnType<typeof createKeys>
