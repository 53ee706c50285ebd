import { type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { randomBytes } from '../../utils/random.js'
import { jwkOf, thumbprint } from '../keys/jwk.js'
import type { Thumbprint } from '../session-id.js'

/** A key pair of the curve P-256: `generateKeyPairSync('ec', { namedCurve: 'P-256' })`. */
export interface ProofKeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

export interface ProofContent {
  /** The method of the request, for example `'POST'`. */
  method: string
  /** The URL of the request. Query and fragment are left out. */
  url: string
  /** The nonce in the header `DPoP-Nonce` of an earlier response. */
  nonce?: string | undefined
}

/** Creates the header `DPoP` of one request (RFC 9449, section 4.2), signed with ES256. */
export function createProof(key: ProofKeyPair, { method, url, nonce }: ProofContent): string {
  const { kty, crv, x, y } = cachedJwk(key.publicKey)
  const { origin, pathname } = new URL(url)
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
  const claims = {
    jti: randomBytes(16).toString('base64url'),
    htm: method,
    htu: origin + pathname,
    iat: Math.floor(Date.now() / 1000),
    nonce
  }
  return signProof(header, claims, key.privateKey)
}

/** The export takes longer than the signature. */
const jwks = new WeakMap<KeyObject, JsonWebKey>()

function cachedJwk(publicKey: KeyObject): JsonWebKey {
  const jwk = jwks.get(publicKey) ?? jwkOf(publicKey)
  jwks.set(publicKey, jwk)
  return jwk
}

/** Signs a header and a payload. */
export function signProof(header: object, payload: object, privateKey: KeyObject): string {
  return signBytes(Buffer.from(JSON.stringify(header)), Buffer.from(JSON.stringify(payload)), privateKey)
}

/** Signs the bytes of a header and a payload as a JWS (RFC 7515, section 5.1). Tests create invalid proofs with it. */
export function signBytes(header: Buffer, payload: Buffer, privateKey: KeyObject): string {
  const signed = `${header.toString('base64url')}.${payload.toString('base64url')}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** Returns the thumbprint of a key, for `identity.jkt`. */
export function jktOf({ publicKey }: ProofKeyPair): Thumbprint {
  return thumbprint(publicKey)
}
