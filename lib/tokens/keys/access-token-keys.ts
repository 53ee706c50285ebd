import type { KeyObject } from 'node:crypto'
import type { AccessTokenAlgorithm } from '../../../types/access-token.js'
import type { KeyRing } from './derived-keys.js'

/** A key that is derived from a secret of the application. It signs and verifies. */
export interface SecretKey {
  algorithm: 'HS256'
  kid: string
  /** 32 bytes. */
  secret: Buffer
}

export type KeyAlgorithm = Exclude<AccessTokenAlgorithm, 'HS256'>

/** A key pair of the application. Without a private key it verifies, but cannot sign. */
export interface KeyPair {
  algorithm: KeyAlgorithm
  kid: string
  publicKey: KeyObject
  privateKey: KeyObject | undefined
}

/** One or more key pairs. */
export type KeyPairs = readonly [KeyPair, ...KeyPair[]]

export type AccessKey = SecretKey | KeyPair

/** The keys of access tokens. The first one signs, and all verify. */
export type AccessKeys = readonly [AccessKey, ...AccessKey[]]

/** Returns the keys of a registration with HS256. */
export function secretKeys([first, ...others]: KeyRing): AccessKeys {
  return [secretKey(first), ...others.map(secretKey)]
}

/** Compares key id, public key and whether there is a private key. The order counts. */
export function areSameKeys(one: readonly KeyPair[], other: readonly KeyPair[]): boolean {
  return one.length === other.length && one.every((key, i) => isSameKey(key, other[i] as KeyPair))
}

function isSameKey(one: KeyPair, other: KeyPair): boolean {
  return (
    one.kid === other.kid && one.publicKey.equals(other.publicKey) && !one.privateKey === !other.privateKey
  )
}

function secretKey({ accessToken: secret, accessTokenKid: kid }: KeyRing[number]): SecretKey {
  return { algorithm: 'HS256', kid, secret }
}
