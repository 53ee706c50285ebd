import { randomFillSync } from 'node:crypto'

/** Returns a key for one store call, which may reach the store twice: 8 ASCII characters. */
export function createIdempotencyKey(): string {
  return randomText(6)
}

/** Returns a `jti`, unique to one access token: 16 ASCII characters with 96 random bits (RFC 7519, section 4.1.7). */
export function createTokenId(): string {
  return randomText(12)
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
  const taken = take(size)
  const bytes = Buffer.from(taken)
  taken.fill(0)
  return bytes
}

/** Returns random bytes as base64url. Cheaper than `randomBytes`, because it copies nothing. */
function randomText(size: number): string {
  const taken = take(size)
  const text = taken.toString('base64url')
  taken.fill(0)
  return text
}

/** Returns the next bytes of the pool. The caller erases them. */
function take(size: number): Buffer {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const taken = pool.subarray(used, used + size)
  used += size
  return taken
}
