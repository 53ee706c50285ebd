import { createHash, type KeyObject } from 'node:crypto'
import type { KeyPair } from './access-token-keys.js'

/** A JWK Set (RFC 7517 section 5). */
export interface JwkSet {
  keys: readonly object[]
}

/** The public halves of keys, as others need them to verify. */
export function jwkSet(keys: readonly KeyPair[]): JwkSet {
  return {
    keys: keys.map(({ publicKey, kid, algorithm }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg: algorithm,
      use: 'sig'
    }))
  }
}

/**
 * The JWK thumbprint (RFC 7638, RFC 8037 section 2), with SHA-256, in base64url: a name for a key that
 * whoever holds the public half finds for himself.
 *
 * @param publicKey its JWK has the required members alone
 */
export function thumbprint(publicKey: KeyObject): string {
  const jwk = publicKey.export({ format: 'jwk' })
  const canonical = JSON.stringify(jwk, Object.keys(jwk).sort())
  return createHash('sha256').update(canonical).digest('base64url')
}
