import type { KeyPair } from './access-keys.js'

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
