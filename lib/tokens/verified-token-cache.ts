import { LRUCache } from 'lru-cache'
import type { AccessTokenClaims } from '../../types/session.js'
import type { AccessTokens } from './access-token.js'

/** The average size for which the cache has room. Enough for a token with about 125 bytes of application claims. */
const BYTES_PER_TOKEN = 2048

/**
 * The memory of an entry for each character of its token: the token, and its claims as objects. Measured: 2 for a token
 * without application claims, 3.4 for arrays of short strings, 3.9 for arrays of numbers.
 */
const BYTES_PER_CHARACTER = 4

/**
 * Caches the claims of verified tokens, so that the signature of a token is checked once. Each set of keys has its own
 * cache. The caller checks expiry and revocation at each use, because they can change.
 *
 * The cache key is the complete token, so that no other token can match. Invalid tokens are not cached. If the cache is
 * full, it evicts the least recently used tokens. It exists in the memory of this process only.
 *
 * @param max maximum number of tokens. Together they take at most about 2 kB each. `0` disables the cache
 */
export function withVerificationCache<T extends Pick<AccessTokens, 'verify'>>(tokens: T, max: number): T {
  if (max === 0) return tokens
  // Created with the first token, because it allocates memory for all its entries.
  let verified: LRUCache<string, AccessTokenClaims> | undefined
  return {
    ...tokens,
    verify(token) {
      verified ??= createCache(max)
      const cached = verified.get(token)
      if (cached) return copyOf(cached)
      const claims = tokens.verify(token)
      verified.set(detach(token), copyOf(claims))
      return claims
    }
  }
}

function createCache(max: number): LRUCache<string, AccessTokenClaims> {
  return new LRUCache({
    max,
    maxSize: max * BYTES_PER_TOKEN,
    sizeCalculation: (_claims, token) => BYTES_PER_CHARACTER * token.length
  })
}

/**
 * Returns a copy of a verified token, which is ASCII. V8 stores a substring as a reference to the whole string, so that
 * a cached token would keep the complete header of its request in memory.
 */
function detach(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1')
}

/** Returns a deep copy, so that a handler that changes `request.user` does not affect later requests. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf) as T
  const copy = { ...value }
  for (const key in copy) {
    if (typeof copy[key] === 'object') copy[key] = copyOf(copy[key])
  }
  return copy
}
