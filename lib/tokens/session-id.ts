import { randomBytes } from '../utils/random.js'
import { sha256 } from '../utils/sha256.js'

const TAG_BYTES = 9
const SECRET_BYTES = 16
/** Characters of base64url. Tags of a multiple of three bytes are encoded separately from what follows. */
const TAG_LENGTH = 12
const SID_LENGTH = 32

/** The last generation. A session that needs another one is revoked. The number never wraps around. */
export const MAX_GENERATION = 2 ** 32 - 1

/** The part that all refresh tokens of a session share: tag and family secret, 25 bytes. Never stored or logged. */
export type Family = Buffer

/**
 * Returns the tag of a user: 12 characters of base64url, 9 bytes of SHA-256(sub). It puts all keys of one user into one slot
 * of a Redis Cluster. It is so long that users who choose their own `sub` cannot find another one with the same tag.
 */
export function tagOf(sub: string): string {
  return sha256(sub).slice(0, TAG_LENGTH)
}

/** Returns the tag that a session id begins with. */
export function tagIn(sid: string): string {
  return sid.slice(0, TAG_LENGTH)
}

/** Groups session ids by the tag that they begin with. One call of the store can revoke the sessions of one user. */
export function groupByUser(sids: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const sid of sids) groups.set(tagIn(sid), [...(groups.get(tagIn(sid)) ?? []), sid])
  return [...groups.values()]
}

/** The SHA-256 thumbprint of a public key (RFC 7638): 43 characters of base64url. */
export type Thumbprint = string

/** The length of a thumbprint in bytes. */
export const JKT_BYTES = 32

/** Accepts only canonical text, so that one key has one thumbprint. */
export function isThumbprint(value: unknown): value is Thumbprint {
  if (typeof value !== 'string' || !/^[\w-]{43}$/.test(value)) return false
  return Buffer.from(value, 'base64url').toString('base64url') === value
}

/** Returns a new family with a random secret. */
export function createFamily(sub: string): Family {
  return Buffer.concat([Buffer.from(tagOf(sub), 'base64url'), randomBytes(SECRET_BYTES)])
}

/**
 * Returns the public id of the session: 32 characters of base64url. It does not reveal the family secret. It depends on the
 * key that the session is bound to. A token with another key, or without one, therefore belongs to a session that does not
 * exist, even if the attacker has the secret of the plugin.
 */
export function sidOf(family: Family, jkt: Thumbprint | null = null): string {
  const secret = family.subarray(TAG_BYTES)
  const hash = sha256(jkt === null ? secret : Buffer.concat([secret, Buffer.from(jkt, 'base64url')]))
  return family.toString('base64url', 0, TAG_BYTES) + hash.slice(0, SID_LENGTH - TAG_LENGTH)
}

export function isSid(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{32}$/.test(value)
}
