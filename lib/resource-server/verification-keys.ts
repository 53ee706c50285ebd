import type { KeyAlgorithm, KeyPair } from '../tokens/keys/access-token-keys.js'
import { keyPair } from '../tokens/keys/key-pairs.js'
import { key } from '../tokens/keys/parse-key.js'
import { isObject } from '../utils/checks.js'

/**
 * Those of a JWK Set that verify tokens of one of the algorithms. Others are left out (RFC 7517 section 5): keys
 * for something else, malformed ones, secrets. Of two with one `kid` the first counts.
 */
export function usableKeys(
  jwks: readonly unknown[],
  algorithms: readonly KeyAlgorithm[]
): readonly KeyPair[] {
  const byKid = new Map<string, KeyPair>()
  for (const jwk of jwks) {
    const pair = isObject(jwk) && !isPrivate(jwk) ? read(jwk, algorithms) : undefined
    if (pair && !byKid.has(pair.kid)) byKid.set(pair.kid, pair)
  }
  return [...byKid.values()]
}

/** Whoever reads a private key there signs with it: nothing that it signs is worth anything. */
export function isPrivate(jwk: unknown): boolean {
  return isObject(jwk) && 'd' in jwk
}

function read(jwk: object, algorithms: readonly KeyAlgorithm[]): KeyPair | undefined {
  try {
    return keyPair(key(jwk, 'jwk'), algorithms, 'jwk')
  } catch {
    return undefined
  }
}
