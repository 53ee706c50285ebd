import { verify } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { errors } from '../../errors.js'
import { isObject } from '../../utils/checks.js'
import { sha256 } from '../../utils/sha256.js'
import type { Thumbprint } from '../session-id.js'
import { invalidProof } from './invalid-proof.js'
import type { Nonces } from './nonces.js'
import { importProofKey, isCanonical, type ProofKey } from './public-key.js'

const MAX_LENGTH = 2048
const MAX_JTI_LENGTH = 128
const MAX_KEYS = 10_000
/** An ES256 signature has 64 bytes. */
const PARTS = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/
const PROOF_ID_LENGTH = 22

/** What a verified proof shows: the client has the key, and made this request. */
export interface Proof {
  jkt: Thumbprint
  /** Names this proof among all proofs of all keys: 22 characters of base64url. */
  id: string
}

/** What a proof must contain. */
export interface ProofExpectations {
  method: string
  /** Returns whether `htu` is an address of the request. */
  isAddress(htu: string): boolean
}

export interface ProofSettings {
  nonces: Nonces
  /** Whether every proof needs a nonce. Otherwise only one with a time that is off by more than the leeway. */
  requiresNonce: boolean
  leewayMs: number
}

/**
 * Verifies proofs of possession (DPoP, RFC 9449, section 4.3).
 * @throws {FRT_ERR_PROOF_INVALID} with the reason in its `cause`
 * @throws {FRT_ERR_PROOF_NONCE} if the proof is valid, except that it needs another nonce
 */
export type ProofVerifier = (proof: unknown, expected: ProofExpectations) => Proof

/** Creates a verifier that keeps imported keys, because the import costs as much as the verification of a signature. */
export function createProofVerifier(settings: ProofSettings): ProofVerifier {
  const keys = new LRUCache<string, ProofKey>({ max: MAX_KEYS })

  return function verifyProof(proof, expected) {
    const [header, payload, signature] = splitProof(proof)
    const key = keys.get(header) ?? importHeader(header)
    if (!isAuthentic(key, `${header}.${payload}`, signature)) invalidProof('the signature is invalid')
    // Not before, because keys that never signed anything would evict the others.
    keys.set(header, key)
    const claims = parseJson(payload, 'the payload')
    const jti = checkClaims(claims, expected)
    checkTime(claims, settings)
    return { jkt: key.jkt, id: sha256(`${key.jkt}.${jti}`).slice(0, PROOF_ID_LENGTH) }
  }
}

type Parts = [header: string, payload: string, signature: string]

function splitProof(proof: unknown): Parts {
  if (typeof proof !== 'string' || proof.length > MAX_LENGTH) invalidProof('not one short header')
  const parts = PARTS.exec(proof)
  if (!parts) invalidProof('not an ES256 JWT')
  return parts.slice(1) as Parts
}

function importHeader(header: string): ProofKey {
  const { typ, alg, jwk, crit } = parseJson(header, 'the header')
  if (typ !== 'dpop+jwt') invalidProof('typ is not dpop+jwt')
  if (alg !== 'ES256') invalidProof('alg is not ES256')
  if (crit !== undefined) invalidProof('crit is not supported')
  return importProofKey(jwk)
}

function isAuthentic({ key }: ProofKey, signed: string, signature: string): boolean {
  if (!isCanonical(signature)) return false
  const publicKey = { key, dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(signed), publicKey, Buffer.from(signature, 'base64url'))
}

/** @returns the `jti` */
function checkClaims(claims: Record<string, unknown>, { method, isAddress }: ProofExpectations): string {
  const { jti, htm, htu, iat } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) invalidProof('jti is invalid')
  if (htm !== method) invalidProof('htm is not the method of the request')
  if (typeof htu !== 'string' || !isAddress(htu)) invalidProof('htu is not the address of the request')
  if (!Number.isFinite(iat)) invalidProof('iat is not a number')
  return jti
}

/** A nonce shows the time better than `iat`, because the clock of the client may be wrong. */
function checkTime({ nonce, iat }: Record<string, unknown>, settings: ProofSettings): void {
  const { nonces, requiresNonce, leewayMs } = settings
  if (nonce !== undefined) {
    if (typeof nonce !== 'string') invalidProof('nonce is not a string')
    if (!nonces.isValid(nonce)) throw nonceError(nonces)
  } else if (requiresNonce || Math.abs(Date.now() - (iat as number) * 1000) > leewayMs) {
    throw nonceError(nonces)
  }
}

/** The nonce is for the response. */
function nonceError(nonces: Nonces): Error {
  return Object.assign(new errors.ProofNonce(), { nonce: nonces.current() })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parseJson(part: string, name: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(Buffer.from(part, 'base64url')))
  } catch {
    invalidProof(`${name} is not JSON`)
  }
  return isObject(value) ? value : invalidProof(`${name} is not an object`)
}
