import { createHash } from 'node:crypto'
import { randomBytes } from '../utils/random.js'

const TAG_BYTES = 4
const SECRET_BYTES = 16

/** The highest generation: a session that gets there ends, and never wraps around. */
export const MAX_GENERATION = 2 ** 32 - 1

/** What a session's tokens have in common: tag and family secret, 20 bytes. Never stored, never logged. */
export type Family = Buffer

/** Four bytes that put all keys of one user into one Redis Cluster slot. */
export function tagOf(sub: string): Buffer {
  return createHash('sha256').update(sub).digest().subarray(0, TAG_BYTES)
}

export function createFamily(sub: string): Family {
  return Buffer.concat([tagOf(sub), randomBytes(SECRET_BYTES)])
}

/** The session's public id: it tells nothing of the family secret. */
export function sidOf(family: Family): string {
  const tag = family.subarray(0, TAG_BYTES)
  const digest = createHash('sha256').update(family.subarray(TAG_BYTES)).digest()
  return Buffer.concat([tag, digest.subarray(0, SECRET_BYTES)]).toString('base64url')
}

export function isSid(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{27}$/.test(value)
}
