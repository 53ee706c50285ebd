import { createPublicKey, type KeyObject } from 'node:crypto'
import { isObject } from '../../utils/checks.js'
import { thumbprintOf } from '../keys/jwk.js'
import type { Thumbprint } from '../session-id.js'
import { invalidProof } from './invalid-proof.js'

/** A public key of a client, for ES256. */
export interface ProofKey {
  key: KeyObject
  jkt: Thumbprint
}

/** 32 bytes of base64url. */
const COORDINATE = /^[\w-]{43}$/

/**
 * Imports the member `jwk` of a proof (RFC 9449, section 4.2): a point of the curve P-256 (RFC 7518, section 6.2.1).
 * @throws {FRT_ERR_PROOF_INVALID}
 */
export function importProofKey(jwk: unknown): ProofKey {
  if (!isObject(jwk)) invalidProof('jwk is not an object')
  const { kty, crv, x, y, d } = jwk
  if (kty !== 'EC' || crv !== 'P-256') invalidProof('the key is not of the curve P-256')
  if (d !== undefined) invalidProof('jwk contains a private key')
  if (!isCoordinate(x) || !isCoordinate(y)) invalidProof('a coordinate is not canonical')
  const point = { kty, crv, x, y }
  return { key: importPoint(point), jkt: thumbprintOf(point) }
}

function importPoint(jwk: { kty: string; crv: string; x: string; y: string }): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return invalidProof('the key is not a point of the curve')
  }
}

/** Accepts only the canonical text. Otherwise one key would have several thumbprints. */
function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && COORDINATE.test(value) && isCanonical(value)
}

/** Returns whether the text is the base64url of its bytes, because `Buffer` decodes several texts to the same bytes. */
export function isCanonical(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text
}
