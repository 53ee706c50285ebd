import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { AccessTokenAlgorithm } from '../../lib/index.js'

export type KeyAlgorithm = Exclude<AccessTokenAlgorithm, 'HS256'>

export interface Pair {
  publicKey: KeyObject
  privateKey: KeyObject
}

/** Generates a new key pair for each algorithm. */
export const GENERATE: Readonly<Record<KeyAlgorithm, () => Pair>> = {
  EdDSA: () => copyOf(generateKeyPairSync('ed25519')),
  ES256: () => copyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  RS256: () => copyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }))
}

/** Imports the key again. On Node.js 20 the JWK export of a new key may hang (see lib/tokens/keys/jwk.ts). */
function copyOf(pair: Pair): Pair {
  const privateKey = createPrivateKey(privatePem(pair))
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

export const KEY_ALGORITHMS = Object.keys(GENERATE) as KeyAlgorithm[]

export function privatePem({ privateKey }: Pair): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export function publicPem({ publicKey }: Pair): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}
