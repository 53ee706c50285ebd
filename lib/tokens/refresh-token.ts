import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { KeyRing } from './keys/derived-keys.js'
import { type Family, sidOf } from './session-id.js'

/**
 * A refresh token has 69 bytes. It is encoded in base64url without padding (RFC 4648, section 5).
 *
 * | offset | bytes | content                                                         |
 * | ------ | ----- | --------------------------------------------------------------- |
 * | 0      | 1     | version                                                         |
 * | 1      | 1     | key id                                                          |
 * | 2      | 9     | tag: the first bytes of SHA-256(sub)                            |
 * | 11     | 16    | family secret                                                   |
 * | 27     | 4     | generation                                                      |
 * | 31     | 6     | time of issue, in microseconds since the session was created    |
 * | 37     | 32    | HMAC-SHA-256 over all bytes before                              |
 *
 * Every later version keeps the first two bytes, and ends with 32 bytes of HMAC over all bytes before. A release can
 * therefore distinguish a token of an unsupported version from a forged one.
 */
const VERSION = 2
const KEY_ID_AT = 1
const FAMILY_AT = 2
const GENERATION_AT = 27
const ISSUED_AT = 31
const MAC_AT = 37
const LENGTH = 69
const ENCODED_LENGTH = 92
const MAX_ENCODED_LENGTH = 512
const MAC_BYTES = 32

export interface RefreshToken {
  sid: string
  family: Family
  /** Generation. */
  gen: number
  /** Time of issue, in microseconds since the session was created. */
  issuedUs: number
}

export interface RefreshTokenCodec {
  /** Returns the token of a generation, signed with the first secret. The same input returns the same token. */
  issue(family: Family, gen: number, issuedUs: number): string
  /** Returns `null` if the token is malformed, not canonical, or not signed with one of the secrets. */
  parse(token: string): RefreshToken | null
  /** Returns whether the token is signed with one of the secrets, but has a version that this release cannot read. */
  isUnsupportedVersion(token: string): boolean
}

export function createRefreshTokenCodec(keys: KeyRing): RefreshTokenCodec {
  const [signing] = keys

  return {
    issue(family, gen, issuedUs) {
      const bytes = Buffer.alloc(LENGTH)
      bytes.writeUInt8(VERSION)
      bytes.writeUInt8(signing.keyId, KEY_ID_AT)
      family.copy(bytes, FAMILY_AT)
      bytes.writeUInt32BE(gen, GENERATION_AT)
      bytes.writeUIntBE(issuedUs, ISSUED_AT, 6)
      macOf(bytes, signing.refreshToken).copy(bytes, MAC_AT)
      return bytes.toString('base64url')
    },

    parse(token) {
      if (token.length !== ENCODED_LENGTH) return null
      const bytes = decode(token)
      if (bytes?.length !== LENGTH || bytes.readUInt8() !== VERSION || !isAuthentic(bytes, keys)) return null
      const family = bytes.subarray(FAMILY_AT, GENERATION_AT)
      return {
        sid: sidOf(family),
        family,
        gen: bytes.readUInt32BE(GENERATION_AT),
        issuedUs: bytes.readUIntBE(ISSUED_AT, 6)
      }
    },

    isUnsupportedVersion(token) {
      if (token.length > MAX_ENCODED_LENGTH) return false
      const bytes = decode(token)
      if (!bytes || bytes.length <= FAMILY_AT + MAC_BYTES || bytes.readUInt8() === VERSION) return false
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
