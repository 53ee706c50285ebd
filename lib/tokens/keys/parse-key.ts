import { createPrivateKey, createPublicKey, KeyObject } from 'node:crypto'
import { type Check, isObject, listOf, matching, mustBe, optional } from '../../utils/checks.js'

/** A key as it was given, of whatever kind. */
export interface GivenKey {
  publicKey: KeyObject
  privateKey: KeyObject | undefined
  /** What a JWK says of itself (RFC 7517 sections 4.2, 4.4 and 4.5). */
  use: unknown
  alg: unknown
  kid: string | undefined
}

/** Gives keys whenever it is asked: what it gives is checked as the option is. */
export type KeySource = () => unknown

/** Each token carries it. */
const kid = optional(matching(/^[!-~]{1,128}$/, '1 to 128 characters of ASCII, without spaces'))

/** Reads a private or public key, in any of its forms. The message quotes nothing: it may be a secret. */
export const key: Check<GivenKey> = (value, path) => {
  const jwk = isJwk(value) ? value : undefined
  const read = value instanceof KeyObject ? value : readKey(jwk ? { key: jwk, format: 'jwk' } : value)
  if (!read || read.type === 'secret') {
    mustBe(path, 'a private or public key: an unencrypted PEM, a KeyObject, or a JWK')
  }
  const isPrivate = read.type === 'private'
  return {
    publicKey: copyOf(isPrivate ? createPublicKey(read) : read),
    privateKey: isPrivate ? read : undefined,
    use: jwk?.use,
    alg: jwk?.alg,
    kid: kid(jwk?.kid, `${path}.kid`)
  }
}

export const keysOrSource: Check<readonly GivenKey[] | KeySource> = (value, path) => {
  if (typeof value === 'function') return value as KeySource
  return Array.isArray(value)
    ? listOf(key)(value, path)
    : mustBe(path, 'an array, or a function that returns one')
}

function isJwk(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Buffer.isBuffer(value) && !(value instanceof KeyObject)
}

/**
 * A key that `generateKeyPair` made shares a lock with the job that made it. On Node.js 20 an export as JWK
 * holds that lock while it allocates, and hangs the process if the job is collected just then.
 */
function copyOf(publicKey: KeyObject): KeyObject {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createPublicKey({ key: der, type: 'spki', format: 'der' })
}

/** The private key first: who asks for the public one gets it of a private one, too. */
function readKey(input: unknown): KeyObject | undefined {
  for (const create of [createPrivateKey, createPublicKey]) {
    try {
      return create(input as string)
    } catch {}
  }
  return undefined
}
