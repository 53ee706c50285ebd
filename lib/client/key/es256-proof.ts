type CryptoKey = Parameters<typeof crypto.subtle.sign>[1]

/** Declared here, because the types of Node.js do not declare the class of browsers. */
declare const CryptoKey: new () => CryptoKey

/** An ES256 key pair whose private key cannot be exported. */
export interface KeyPair {
  publicKey: CryptoKey
  privateKey: CryptoKey
}

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' }

export function createKeyPair(): Promise<KeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, false, ['sign', 'verify'])
}

/** Returns whether the value is a key pair. Another script of the origin may have stored something else. */
export function isKeyPair(value: unknown): value is KeyPair {
  const { publicKey, privateKey } = (value ?? {}) as Partial<KeyPair>
  return publicKey instanceof CryptoKey && privateKey instanceof CryptoKey
}

/** Creates a proof (RFC 9449, section 4.2). */
export async function createProof(
  { publicKey, privateKey }: KeyPair,
  method: string,
  url: string,
  nonce: string | undefined
): Promise<string> {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
  const claims = {
    jti: base64url(crypto.getRandomValues(new Uint8Array(16))),
    htm: method,
    htu: url,
    iat: Math.floor(Date.now() / 1000),
    nonce
  }
  const signed = `${encode(header)}.${encode(claims)}`
  const signature = await crypto.subtle.sign(SIGNATURE_ALGORITHM, privateKey, bytesOf(signed))
  return `${signed}.${base64url(new Uint8Array(signature))}`
}

function encode(part: object): string {
  return base64url(bytesOf(JSON.stringify(part)))
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function base64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
}
