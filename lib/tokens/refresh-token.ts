import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { KeyRing } from './keys/derived-keys.js'
import { type Family, JKT_BYTES, sidOf, type Thumbprint } from './session-id.js'

/**
 * A refresh token is encoded in base64url without padding (RFC 4648, section 5). It has 69 bytes, or 101 bytes if its session
 * is bound to a key.
 *
 * | offset | bytes | content                                                             |
 * | ------ | ----- | ------------------------------------------------------------------- |
 * | 0      | 1     | version: 2, or 3 if the session is bound                            |
 * | 1      | 1     | key id                                                              |
 * | 2      | 9     | tag: the first bytes of SHA-256(sub)                                |
 * | 11     | 16    | family secret                                                       |
 * | 27     | 4     | generation                                                          |
 * | 31     | 6     | time of issue, in microseconds since the session was created        |
 * | 37     | 0, 32 | thumbprint of the key, only in version 3                            |
 * | 37, 69 | 32    | HMAC-SHA-256 over all bytes before                                  |
 *
 * Every later version keeps the first two bytes, and ends with 32 bytes of HMAC over all bytes before. A release can
 * therefore distinguish a token of an unsupported version from a forged one.
 */
const UNBOUND = 2
const BOUND = 3
const KEY_ID_AT = 1
const FAMILY_AT = 2
const GENERATION_AT = 27
const ISSUED_AT = 31
const JKT_AT = 37
const MAC_BYTES = 32
/** The length of each version, in bytes. */
const LENGTHS = { [UNBOUND]: JKT_AT + MAC_BYTES, [BOUND]: JKT_AT + JKT_BYTES + MAC_BYTES } as const
/** The version of a token by the length of its text. */
const VERSIONS = new Map(
  ([UNBOUND, BOUND] as const).map((version) => [Math.ceil((LENGTHS[version] * 4) / 3), version])
)
const MAX_ENCODED_LENGTH = 512

export interface RefreshToken {
  sid: string
  family: Family
  /** The thumbprint of the key that the session is bound to. `null` if it is not bound. */
  jkt: Thumbprint | null
  /** Generation. */
  gen: number
  /** Time of issue, in microseconds since the session was created. */
  issuedUs: number
}

export interface RefreshTokenCodec {
  /** Returns the token of a generation, signed with the first secret. The same input returns the same token. */
  issue(family: Family, gen: number, issuedUs: number, jkt?: Thumbprint | null): string
  /** Returns `null` if the token is malformed, not canonical, or not signed with one of the secrets. */
  parse(token: string): RefreshToken | null
  /** Returns whether the token is signed with one of the secrets, but has a version that this release cannot read. */
  isUnsupportedVersion(token: string): boolean
}

export function createRefreshTokenCodec(keys: KeyRing): RefreshTokenCodec {
  const [signing] = keys

  return {
    issue(family, gen, issuedUs, jkt = null) {
      const version = jkt === null ? UNBOUND : BOUND
      const bytes = Buffer.alloc(LENGTHS[version])
      bytes.writeUInt8(version)
      bytes.writeUInt8(signing.keyId, KEY_ID_AT)
      family.copy(bytes, FAMILY_AT)
      bytes.writeUInt32BE(gen, GENERATION_AT)
      bytes.writeUIntBE(issuedUs, ISSUED_AT, 6)
      if (jkt !== null) bytes.write(jkt, JKT_AT, 'base64url')
      macOf(bytes, signing.refreshToken).copy(bytes, bytes.length - MAC_BYTES)
      return bytes.toString('base64url')
    },

    parse(token) {
      const version = VERSIONS.get(token.length)
      if (version === undefined) return null
      const bytes = decode(token)
      if (bytes?.readUInt8() !== version || !isAuthentic(bytes, keys)) return null
      const family = bytes.subarray(FAMILY_AT, GENERATION_AT)
      const jkt = version === BOUND ? bytes.toString('base64url', JKT_AT, JKT_AT + JKT_BYTES) : null
      return {
        sid: sidOf(family, jkt),
        family,
        jkt,
        gen: bytes.readUInt32BE(GENERATION_AT),
        issuedUs: bytes.readUIntBE(ISSUED_AT, 6)
      }
    },

    isUnsupportedVersion(token) {
      if (token.length > MAX_ENCODED_LENGTH) return false
      const bytes = decode(token)
      if (!bytes || bytes.length <= FAMILY_AT + MAC_BYTES || bytes.readUInt8() in LENGTHS) return false
      return isAuthentic(bytes, keys)
    }
  }
}

/** Rejects text that is not canonical, because `Buffer` decodes several texts to the same bytes. */
function decode(token: string): Buffer | null {
  const bytes = Buffer.from(token, 'base64url')
  return bytes.toString('base64url') === token ? bytes : null
}

function isAuthentic(bytes: Buffer, keys: KeyRing): boolean {
  const keyId = bytes.readUInt8(KEY_ID_AT)
  const mac = bytes.subarray(-MAC_BYTES)
  return keys.some((key) => key.keyId === keyId && timingSafeEqual(macOf(bytes, key.refreshToken), mac))
}

function macOf(bytes: Buffer, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(bytes.subarray(0, -MAC_BYTES)).digest()
}
