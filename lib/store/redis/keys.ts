import { tagOf } from '../../tokens/session-id.js'

/**
 * The only builder of Redis keys. The braces put all keys of one user into one Cluster slot: the tag
 * stands in each of his sids, and is computed from his `sub`.
 */
export interface UserKeys {
  /** All of his sessions. */
  sessions: string
  /** A sid is appended: why the session ended. */
  blacklist: string
  /** An operation id is appended: what the operation answered. */
  operations: string
  /** Written to see whether the replicas follow. */
  replicationMarker: string
}

export function createKeys(keyPrefix: string) {
  const userKeys = (tag: Buffer): UserKeys => {
    const base = `${keyPrefix}{${tag.toString('base64url')}}:`
    return {
      sessions: `${base}s`,
      blacklist: `${base}b:`,
      operations: `${base}o:`,
      replicationMarker: `${base}w`
    }
  }
  return {
    ofSession: (sid: string) => userKeys(Buffer.from(sid, 'base64url').subarray(0, 4)),
    ofUser: (sub: string) => userKeys(tagOf(sub)),
    /** The stream of revocations: one for all users. No tag is that short. */
    feed: `${keyPrefix}{feed}:revoked`
  }
}

export type Keys = ReturnType<typeof createKeys>
