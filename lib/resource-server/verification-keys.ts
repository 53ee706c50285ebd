import type { KeyAlgorithm, KeyPair } from '../tokens/keys/access-token-keys.js'
import { keyPair } from '../tokens/keys/key-pairs.js'
import { key } from '../tokens/keys/parse-key.js'
import { isObject } from '../utils/checks.js'

/**
 * Returns the keys of a JWK Set that verify tokens of one of the algorithms. Ignores other keys (RFC 7517, section 5):
 * keys for other purposes, malformed keys and secret keys. If two keys have the same `kid`, the first one counts.
 */
export function selectVerificationKeys(
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

/** A private key in a public JWKS is compromised: every reader can sign tokens with it. */
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
