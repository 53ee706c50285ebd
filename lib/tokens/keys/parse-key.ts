import { createPrivateKey, createPublicKey, KeyObject } from 'node:crypto'
import { type Check, listOf, matching, mustBe, optional } from '../../utils/checks.js'
import { type KeyInput, toKeyInput } from './key-input.js'

/** A key of the application, before its algorithm is checked. */
export interface ParsedKey {
  publicKey: KeyObject
  privateKey: KeyObject | undefined
  /** `use`, `alg` and `kid` of a JWK (RFC 7517, sections 4.2, 4.4 and 4.5). */
  use: unknown
  alg: unknown
  kid: string | undefined
}

/** A function of the application that returns keys. They are checked like the option. */
export type KeySource = () => unknown

/** Limited, because each token contains it. */
const kid = optional(matching(/^[!-~]{1,128}$/, '1 to 128 ASCII characters without spaces'))

/** Reads a private or public key in any form. The error does not contain the value, because it may be secret. */
export const key: Check<ParsedKey> = (value, path) => {
  const input = toKeyInput(value, path)
  const keyObject = input && (input instanceof KeyObject ? input : readKey(attemptsOf(input)))
  if (!keyObject || keyObject.type === 'secret' || isUnreadablePrivate(input, keyObject)) {
    mustBe(path, 'a private or public key: an unencrypted PEM, a KeyObject, or a JWK')
  }
  const jwk = isJwk(input) ? input : undefined
  const isPrivate = keyObject.type === 'private'
  return {
    publicKey: isPrivate ? createPublicKey(keyObject) : keyObject,
    privateKey: isPrivate ? keyObject : undefined,
    use: jwk?.use,
    alg: jwk?.alg,
    kid: kid(jwk?.kid, `${path}.kid`)
  }
}

export const keysOrSource: Check<readonly ParsedKey[] | KeySource> = (value, path) => {
  if (typeof value === 'function') return value as KeySource
  return Array.isArray(value)
    ? listOf(key)(value, path)
    : mustBe(path, 'an array, or a function that returns one')
}

/** `createPublicKey` ignores a private part that `createPrivateKey` cannot read. The key could not sign. */
function isUnreadablePrivate(input: KeyInput, { type }: KeyObject): boolean {
  return isJwk(input) && input.d !== undefined && type !== 'private'
}

function isJwk(input: KeyInput): input is Record<string, unknown> {
  return typeof input === 'object' && !Buffer.isBuffer(input) && !(input instanceof KeyObject)
}

/** The encodings of a key as DER: PKCS #8, PKCS #1 and SEC 1 for private keys, and SPKI for public ones. */
const DER_TYPES = ['pkcs8', 'pkcs1', 'sec1', 'spki']

/** Returns the arguments for `node:crypto`, in the order in which they are tried. */
function attemptsOf(input: Exclude<KeyInput, KeyObject>): unknown[] {
  if (Buffer.isBuffer(input)) return DER_TYPES.map((type) => ({ key: input, format: 'der', type }))
  return [isJwk(input) ? { key: input, format: 'jwk' } : input]
}

/** Tries a private key first, because `createPublicKey` also accepts a private key and drops its private part. */
function readKey(attempts: unknown[]): KeyObject | undefined {
  for (const create of [createPrivateKey, createPublicKey]) {
    for (const attempt of attempts) {
      try {
        return create(attempt as string)
      } catch {}
    }
  }
  return undefined
}
