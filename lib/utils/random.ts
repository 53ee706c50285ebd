import { randomFillSync } from 'node:crypto'

/** Names one call to a store, which may reach it twice: 8 ASCII characters. */
export function createIdempotencyKey(): string {
  return randomBytes(6).toString('base64url')
}

const POOL_BYTES = 4096

/** What the system's generator gave at once, for it is asking it that costs. All of it is used by now. */
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** Unpredictable bytes, at most 4096. What was handed out is wiped from the pool: nobody finds it there. */
export function randomBytes(size: number): Buffer {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const drawn = pool.subarray(used, used + size)
  const bytes = Buffer.from(drawn)
  drawn.fill(0)
  used += size
  return bytes
}
