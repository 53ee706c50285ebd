import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** The keys that are derived from one secret of the application for one registration of the plugin. */
export interface DerivedKeys {
  /** Names the secret that signed a refresh token. One byte, so that two secrets may share it. */
  keyId: number
  /** 32 bytes. */
  refreshToken: KeyObject
  /** For the nonces of proofs, 32 bytes. */
  proofNonce: KeyObject
  /** 32 bytes. */
  accessToken: Buffer
  /** The `kid` of access tokens: 12 characters of base64url. It is derived, and does not reveal the key. */
  accessTokenKid: string
}

/** The derived keys of each secret. The first ones sign, and all verify. */
export type KeyRing = readonly [DerivedKeys, ...DerivedKeys[]]

/**
 * Derives the keys of each secret with HKDF-SHA-256 (RFC 5869). Each use has its own key, so that a refresh token is
 * never accepted as an access token. Each prefix has its own keys, so that two registrations with one secret do not
 * accept each other's tokens.
 *
 * @param secrets one or more secrets of at least 32 bytes
 * @param keyPrefix option `keyPrefix` of the registration
 */
export function deriveKeys(secrets: readonly [Buffer, ...Buffer[]], keyPrefix: string): KeyRing {
  const [first, ...others] = secrets
  return [deriveFrom(first, keyPrefix), ...others.map((secret) => deriveFrom(secret, keyPrefix))]
}

function deriveFrom(secret: Buffer, keyPrefix: string): DerivedKeys {
  const derive = (use: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', lengthPrefixed(`frt/1/${use}`, keyPrefix), bytes))
  return {
    keyId: derive('key-id', 1).readUInt8(),
    refreshToken: createSecretKey(derive('refresh-token', 32)),
    proofNonce: createSecretKey(derive('dpop-nonce', 32)),
    accessToken: derive('access-token', 32),
    accessTokenKid: derive('access-token-kid', 9).toString('base64url')
  }
}

/** Joins the parts, each after its length, so that two different lists never give the same bytes. */
function lengthPrefixed(...parts: string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      return [length, bytes]
    })
  )
}
