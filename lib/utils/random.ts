import { randomFillSync } from 'node:crypto'

/** Returns a key for one store call, which may reach the store twice: 8 ASCII characters. */
export function createIdempotencyKey(): string {
  return randomBytes(6).toString('base64url')
}

/** Returns a `jti`, unique to one access token: 16 ASCII characters with 96 random bits (RFC 7519, section 4.1.7). */
export function createTokenId(): string {
  return randomBytes(12).toString('base64url')
}

const POOL_BYTES = 4096

/** Bytes from the system's generator, read in bulk because each call is slow. Empty at the start. */
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * Returns cryptographically secure random bytes, and erases them from the pool.
 * @param size at most 4096 bytes
 */
export function randomBytes(size: number): Buffer {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const taken = pool.subarray(used, used + size)
  const bytes = Buffer.from(taken)
  taken.fill(0)
  used += size
  return bytes
}
