import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { KeyPair } from './access-token-keys.js'

/** A JWK Set (RFC 7517, section 5). */
export interface JwkSet {
  keys: readonly object[]
}

/**
 * Returns a public key as a JWK. Exports a copy: a key from `generateKeyPair` shares a lock with the job that created it. On
 * Node.js 20, an export as JWK holds this lock while it allocates memory. If the job is garbage-collected at that time, the
 * process hangs.
 */
export function jwkOf(publicKey: KeyObject): JsonWebKey {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createPublicKey({ key: der, type: 'spki', format: 'der' }).export({ format: 'jwk' })
}

/** Returns the public keys as a JWK Set, for servers that verify tokens. */
export function jwkSet(keys: readonly KeyPair[]): JwkSet {
  return {
    keys: keys.map(({ publicKey, kid, algorithm }) => ({
      ...jwkOf(publicKey),
      kid,
      alg: algorithm,
      use: 'sig'
    }))
  }
}

/**
 * Returns the JWK thumbprint (RFC 7638, and RFC 8037, section 2) with SHA-256, in base64url. Every holder of the public
 * key can compute this key id.
 *
 * @param publicKey a key whose exported JWK has only the required members
 */
export function thumbprint(publicKey: KeyObject): string {
  return thumbprintOf(jwkOf(publicKey))
}

/** @param jwk the required members of a public key */
export function thumbprintOf(jwk: JsonWebKey): string {
  const canonical = JSON.stringify(jwk, Object.keys(jwk).sort())
  return createHash('sha256').update(canonical).digest('base64url')
}
