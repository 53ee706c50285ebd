import { LRUCache } from 'lru-cache'
import type { AccessTokenClaims } from '../../types/session.js'
import type { AccessTokens } from './access-token.js'

/**
 * Remembers tokens whose signature was good: as long as the keys are the same, it stays so, and other keys come
 * with another memory. What may change from one use to the next, expiry and revocation, is for the caller to
 * check each time, as always.
 *
 * The key is the whole token, letter for letter: nothing that differs from a token that was verified is
 * ever taken for it. Only tokens that were verified are kept, the least recently used make room, and they
 * stay in the memory of this process.
 *
 * @param max how many tokens are kept, of about 1 kB each; 0 keeps none
 */
export function withVerificationCache<T extends Pick<AccessTokens, 'verify'>>(tokens: T, max: number): T {
  if (max === 0) return tokens
  const verified = new LRUCache<string, AccessTokenClaims>({ max })
  return {
    ...tokens,
    verify(token) {
      const known = verified.get(token)
      if (known) return copyOf(known)
      const claims = tokens.verify(token)
      verified.set(token, copyOf(claims))
      return claims
    }
  }
}

/** Of its own for each request: what one makes of it, the next must not see. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf) as T
  const copy = { ...value }
  for (const key in copy) {
    if (typeof copy[key] === 'object') copy[key] = copyOf(copy[key])
  }
  return copy
}
