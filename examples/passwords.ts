import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

const HASH_BYTES = 32
const SALT_BYTES = 16

/** Each hash needs 32 MiB of memory (OWASP Password Storage Cheat Sheet, scrypt). */
const COST = { N: 2 ** 15, r: 8, p: 3 }

/** Hashes a password. The result contains the cost, so that old hashes stay valid when you raise the cost. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, HASH_BYTES, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

/** The hash of a random password. An unknown user is checked against it. */
const unknownUserHash = await hashPassword(randomBytes(SALT_BYTES).toString('base64url'))

/**
 * Checks a password against a hash. An unknown user (`undefined`) takes the same time, so that the response time does
 * not reveal which usernames exist.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = (stored ?? unknownUserHash).split('$')
  if (scheme !== 'scrypt' || !salt || !hash) throw new Error('the hash was not created by hashPassword')
  const expected = Buffer.from(hash, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64url'), expected.length, cost)
  return timingSafeEqual(actual, expected) && stored !== undefined
}

/** Runs scrypt in the thread pool, so that it does not block other requests. */
function derive(password: string, salt: Buffer, bytes: number, cost: typeof COST): Promise<Buffer> {
  // The default limit of Node.js is 32 MiB. scrypt needs slightly more than 128 · N · r bytes.
  const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
