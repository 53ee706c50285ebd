import { generateKeyPairSync } from 'node:crypto'
import { jwkOf as exportJwk } from '../../lib/tokens/keys/jwk.js'
import { type ProofKeyPair, signBytes, signProof } from '../../lib/tokens/proof/create-proof.js'

/** The parts of a proof that a test can replace. `undefined` leaves a member out. */
export interface ProofParts {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  key?: ProofKeyPair
}

export function createKey(): ProofKeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

export const key = createKey()
let count = 0

/** Returns the public key as the member `jwk` of a proof. */
export function jwkOf({ publicKey }: ProofKeyPair): Record<string, unknown> {
  return { ...exportJwk(publicKey) }
}

/** Creates a proof for `POST http://localhost/auth/refresh` that is valid, except for the given parts. */
export function proofWith({ header, claims, key: own = key }: ProofParts = {}): string {
  return signProof(
    { typ: 'dpop+jwt', alg: 'ES256', jwk: jwkOf(own), ...header },
    {
      jti: `proof-${count++}`,
      htm: 'POST',
      htu: 'http://localhost/auth/refresh',
      iat: Date.now() / 1000,
      ...claims
    },
    own.privateKey
  )
}

const CURVE = {
  kty: 'EC',
  crv: 'P-256',
  // Not a point of the curve.
  x: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE',
  y: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE'
}
const ZERO = 'A'.repeat(43)

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

function parts(proof: string): [string, string, string] {
  return proof.split('.') as [string, string, string]
}

/** Returns another text of the same bytes: the last character of an ES256 signature has four spare bits. */
function withSpareBits(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.slice(-1)) + 1]
}

function withSignature(proof: string, change: (signature: string) => string): string {
  const [header, payload, signature] = parts(proof)
  return `${header}.${payload}.${change(signature)}`
}

function withPayload(payload: string): string {
  const [header, , signature] = parts(proofWith())
  return `${header}.${payload}.${signature}`
}

const jwk = jwkOf(key)
const headerOf = (header: Record<string, unknown>) => () => proofWith({ header })
const jwkWith = (members: unknown) => headerOf({ jwk: members })
const claimsOf = (claims: Record<string, unknown>) => () => proofWith({ claims })

/** Every kind of invalid proof (`FRT_ERR_PROOF_INVALID`). */
export const INVALID_PROOFS: Record<string, () => string> = {
  'is empty': () => '',
  'is not a JWT': () => 'proof',
  'has two parts': () => parts(proofWith()).slice(0, 2).join('.'),
  'has four parts': () => `${proofWith()}.x`,
  'is a list of two': () => `${proofWith()},${proofWith()}`,
  'is a list of two with a space': () => `${proofWith()}, ${proofWith()}`,
  'is longer than 2,048 characters': claimsOf({ x: 'x'.repeat(2000) }),
  'has no algorithm': headerOf({ alg: undefined }),
  'has the algorithm none': headerOf({ alg: 'none' }),
  'has the algorithm none and no signature': () =>
    withSignature(proofWith({ header: { alg: 'none' } }), () => ''),
  'has the algorithm HS256': headerOf({ alg: 'HS256' }),
  'has the algorithm ES384': headerOf({ alg: 'ES384' }),
  'has the type JWT': headerOf({ typ: 'JWT' }),
  'has no type': headerOf({ typ: undefined }),
  'has crit': headerOf({ crit: ['exp'] }),
  'has a header that is no JSON': () => `${encode('x')}.${parts(proofWith()).slice(1).join('.')}`,
  'has a header that is an array': () => `${encode([])}.${parts(proofWith()).slice(1).join('.')}`,
  'has no key': jwkWith(undefined),
  'has the key null': jwkWith(null),
  'has an array as key': jwkWith([jwk]),
  'has a private key': () => proofWith({ header: { jwk: key.privateKey.export({ format: 'jwk' }) } }),
  'has a key of P-384 by name': jwkWith({ ...jwk, crv: 'P-384' }),
  'has a key off the curve': jwkWith(CURVE),
  'has the key zero': jwkWith({ ...CURVE, x: ZERO, y: ZERO }),
  'has a padded coordinate': jwkWith({ ...jwk, x: `${jwk.x}=` }),
  'has a coordinate that is not canonical': jwkWith({ ...jwk, x: withSpareBits(String(jwk.x)) }),
  'has a short coordinate': jwkWith({ ...jwk, x: String(jwk.x).slice(1) }),
  'has a number as coordinate': jwkWith({ ...jwk, y: 7 }),
  'has a key of Ed25519': jwkWith(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })),
  'has a symmetric key': jwkWith({ kty: 'oct', k: 'AAAA' }),
  'has the key of another client': jwkWith(jwkOf(createKey())),
  'has another method': claimsOf({ htm: 'GET' }),
  'has a method in lower case': claimsOf({ htm: 'post' }),
  'has no method': claimsOf({ htm: undefined }),
  'has another host': claimsOf({ htu: 'http://other.example/auth/refresh' }),
  'has another path': claimsOf({ htu: 'http://localhost/auth/logout' }),
  'has another port': claimsOf({ htu: 'http://localhost:81/auth/refresh' }),
  'has no address': claimsOf({ htu: undefined }),
  'has a number as address': claimsOf({ htu: 7 }),
  'has a relative address': claimsOf({ htu: '/auth/refresh' }),
  'has an address with a user': claimsOf({ htu: 'http://x@localhost/auth/refresh' }),
  'has an address with a password': claimsOf({ htu: 'http://:x@localhost/auth/refresh' }),
  'has an address of another host that looks like this one': claimsOf({
    htu: 'http://localhost@evil.example/auth/refresh'
  }),
  'has a script as address': claimsOf({ htu: 'javascript:alert(1)' }),
  'has an address of another scheme': claimsOf({ htu: 'ftp://localhost/auth/refresh' }),
  'has no jti': claimsOf({ jti: undefined }),
  'has an empty jti': claimsOf({ jti: '' }),
  'has a number as jti': claimsOf({ jti: 7 }),
  'has a jti of 129 characters': claimsOf({ jti: 'x'.repeat(129) }),
  'has no iat': claimsOf({ iat: undefined }),
  'has a string as iat': claimsOf({ iat: String(Math.floor(Date.now() / 1000)) }),
  'has the iat 1e400': () =>
    signedText('{"jti":"1","htm":"POST","htu":"http://localhost/auth/refresh","iat":1e400}'),
  'has a number as nonce': claimsOf({ nonce: 7 }),
  'has the nonce null': claimsOf({ nonce: null }),
  'has a signature that was cut': () => withSignature(proofWith(), (signature) => signature.slice(2)),
  'has a signature that was changed': () =>
    withSignature(proofWith(), (signature) => (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)),
  'has a signature that is not canonical': () => withSignature(proofWith(), withSpareBits),
  'has a signature of another proof': () => withSignature(proofWith(), () => parts(proofWith())[2]),
  'has a payload of another proof': () => withPayload(parts(proofWith())[1]),
  'has an array as payload': () => signedText('[]'),
  'has a payload that is not UTF-8': () => signedText(Buffer.from([0x7b, 0xff, 0x7d]))
}

/** Signs a payload as it stands. */
function signedText(payload: string | Buffer): string {
  const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk })
  return signBytes(Buffer.from(header), Buffer.from(payload), key.privateKey)
}
