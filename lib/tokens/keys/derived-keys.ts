import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** The keys that one secret of the application gives to one instance of the plugin. */
export interface DerivedKeys {
  /** Tells which secret a refresh token was made with. One byte: two secrets may share it. */
  keyId: number
  /** 32 bytes. */
  refreshToken: KeyObject
  /** 32 bytes. */
  accessToken: Buffer
  /** The `kid` of access tokens: 12 characters, derived, so it tells nothing of the key. */
  accessTokenKid: string
}

/** Of each secret: the first signs, all verify. */
export type KeyRing = readonly [DerivedKeys, ...DerivedKeys[]]

/**
 * Derives the keys of each secret with HKDF-SHA-256 (RFC 5869). A key for each use, so that a token of
 * one kind never passes for the other; and for each prefix, so that two instances with one secret
 * never accept each other's tokens.
 *
 * @param secrets at least 32 bytes each
 */
export function deriveKeys([first, ...others]: readonly [Buffer, ...Buffer[]], keyPrefix: string): KeyRing {
  return [deriveFrom(first, keyPrefix), ...others.map((secret) => deriveFrom(secret, keyPrefix))]
}

function deriveFrom(secret: Buffer, keyPrefix: string): DerivedKeys {
  const derive = (use: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', lengthPrefixed(`frt/1/${use}`, keyPrefix), bytes))
  return {
    keyId: derive('key-id', 1).readUInt8(),
    refreshToken: createSecretKey(derive('refresh-token', 32)),
    accessToken: derive('access-token', 32),
    accessTokenKid: derive('access-token-kid', 9).toString('base64url')
  }
}

/** Joins so that no two lists of parts give the same bytes. */
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
