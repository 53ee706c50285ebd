import { createHash } from 'node:crypto'
import { randomBytes } from '../utils/random.js'

const TAG_BYTES = 4
const SECRET_BYTES = 16

/** The last generation. A session that needs another one is revoked. The number never wraps around. */
export const MAX_GENERATION = 2 ** 32 - 1

/** The part that all refresh tokens of a session share: tag and family secret, 20 bytes. Never stored or logged. */
export type Family = Buffer

/** Returns 4 bytes of SHA-256(sub). They put all keys of one user into one slot of a Redis Cluster. */
export function tagOf(sub: string): Buffer {
  return createHash('sha256').update(sub).digest().subarray(0, TAG_BYTES)
}

/** Returns a new family with a random secret. */
export function createFamily(sub: string): Family {
  return Buffer.concat([tagOf(sub), randomBytes(SECRET_BYTES)])
}

/** Returns the public id of the session: 27 characters of base64url. It does not reveal the family secret. */
export function sidOf(family: Family): string {
  const tag = family.subarray(0, TAG_BYTES)
  const digest = createHash('sha256').update(family.subarray(TAG_BYTES)).digest()
  return Buffer.concat([tag, digest.subarray(0, SECRET_BYTES)]).toString('base64url')
}

export function isSid(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{27}$/.test(value)
}
