import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

const HASH_BYTES = 32
const SALT_BYTES = 16

/** 32 MiB for each hash (OWASP, Password Storage Cheat Sheet: scrypt). */
const COST = { N: 2 ** 15, r: 8, p: 3 }

/** A hash with all that it takes to check it, so that the cost may grow while old hashes stay good. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, HASH_BYTES, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

/** What an unknown user is checked against. Nobody knows its password. */
const nobody = await hashPassword(randomBytes(SALT_BYTES).toString('base64url'))

/**
 * Whether the password is the one that was hashed. Without a hash (an unknown user) the work is the
 * same, so that the time of the answer does not tell which names exist.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = (stored ?? nobody).split('$')
  if (scheme !== 'scrypt' || !salt || !hash) throw new Error('not a hash of hashPassword')
  const expected = Buffer.from(hash, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64url'), expected.length, cost)
  return timingSafeEqual(actual, expected) && stored !== undefined
}

/** The asynchronous scrypt: it runs in the thread pool, and other requests go on. */
function derive(password: string, salt: Buffer, bytes: number, cost: typeof COST): Promise<Buffer> {
  // Node.js allows 32 MiB unless told; scrypt takes 128 · N · r bytes and a little more.
  const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
