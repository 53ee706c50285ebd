import type { KeyObject } from 'node:crypto'
import type { AccessTokenAlgorithm } from '../../../types/access-token.js'
import type { KeyRing } from './derived-keys.js'

/** What one of the application's secrets gives: whoever has it signs and verifies. */
export interface SecretKey {
  algorithm: 'HS256'
  kid: string
  /** 32 bytes. */
  secret: Buffer
}

export type KeyAlgorithm = Exclude<AccessTokenAlgorithm, 'HS256'>

/** A key pair of the application's own. Without its private half it verifies, and cannot sign. */
export interface KeyPair {
  algorithm: KeyAlgorithm
  kid: string
  publicKey: KeyObject
  privateKey: KeyObject | undefined
}

/** One at least. */
export type KeyPairs = readonly [KeyPair, ...KeyPair[]]

export type AccessKey = SecretKey | KeyPair

/** Of access tokens: the first signs, all verify. */
export type AccessKeys = readonly [AccessKey, ...AccessKey[]]

/** The keys of an instance that was given none of its own. */
export function secretKeys([first, ...others]: KeyRing): AccessKeys {
  return [secretKey(first), ...others.map(secretKey)]
}

/** By name, key, and what can sign, in their order. */
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
