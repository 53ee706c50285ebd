import { createHash, type KeyObject } from 'node:crypto'

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
