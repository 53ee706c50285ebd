import type { KeyObject } from 'node:crypto'
import type { AccessTokenAlgorithm } from '../../types/options.js'
import type { KeyRing } from './keys.js'

/** What one of the application's secrets gives: whoever has it signs and verifies. */
export interface SecretKey {
  algorithm: 'HS256'
  kid: string
  /** 32 bytes. */
  secret: Buffer
}

/** A key pair of the application's own. Without its private half it verifies, and cannot sign. */
export interface KeyPair {
  algorithm: Exclude<AccessTokenAlgorithm, 'HS256'>
  kid: string
  publicKey: KeyObject
  privateKey: KeyObject | undefined
}

export type AccessKey = SecretKey | KeyPair

/** Of access tokens: the first signs, all verify. */
export type AccessKeys = readonly [AccessKey, ...AccessKey[]]

/** The keys of an instance that was given none of its own. */
export function secretKeys([first, ...others]: KeyRing): AccessKeys {
  return [secretKey(first), ...others.map(secretKey)]
}

function secretKey({ accessToken: secret, accessTokenKid: kid }: KeyRing[number]): SecretKey {
  return { algorithm: 'HS256', kid, secret }
}
