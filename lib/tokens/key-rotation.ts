import { type FastifyBaseLogger, fastify } from 'fastify'
import { invalidOption } from '../utils/checks.js'
import { type AccessTokenSettings, type AccessTokens, createAccessTokens } from './access-token.js'
import {
  type AccessKeys,
  areSameKeys,
  type KeyAlgorithm,
  type KeyPair,
  type KeyPairs,
  secretKeys
} from './keys/access-token-keys.js'
import type { KeyRing } from './keys/derived-keys.js'
import { type JwkSet, jwkSet } from './keys/jwk.js'
import { readKeyPairs } from './keys/key-pairs.js'
import type { KeySource } from './keys/parse-key.js'
import { withVerificationCache } from './verified-token-cache.js'

/** The access tokens of one registration, whose keys can be replaced while the application runs. */
export interface KeyRotation {
  /** Every call uses one complete set of keys. */
  accessTokens: AccessTokens
  /** The public keys of the current set. */
  readonly jwks: JwkSet
  /**
   * Replaces the keys. Without an argument, calls the key source for new keys.
   * @throws {FRT_ERR_INVALID_OPTION} if the keys are invalid. Errors of the key source pass through. The current keys
   * stay
   */
  rotate(input: unknown): Promise<void>
}

interface KeySet {
  keys: KeyPairs
  tokens: AccessTokens
  jwks: JwkSet
}

export interface KeyRotationSettings {
  accessToken: AccessTokenSettings['accessToken'] & {
    algorithm: 'HS256' | KeyAlgorithm
    keys: KeyPairs | undefined
    keySource: KeySource | undefined
    /** Entries of the verification cache. */
    cache: number
  }
}

interface KeyRotationDependencies {
  options: KeyRotationSettings
  /** The keys for HS256. */
  derived: KeyRing
  /** Throws if another registration in the application uses one of the keys. */
  reserveKeys: (keys: readonly KeyPair[]) => void
  log: FastifyBaseLogger
}

export async function createKeyRotation(deps: KeyRotationDependencies): Promise<KeyRotation> {
  const { derived, reserveKeys, log } = deps
  const { accessToken } = deps.options
  const { algorithm, keys: configuredKeys, keySource } = accessToken
  if (algorithm === 'HS256') return withoutRotation(await openTokens(secretKeys(derived)))

  const read = (keys: unknown) => readKeyPairs(keys, algorithm, 'accessToken.keys')
  let current = await openSet(configuredKeys ?? (await load()))
  let lastCall = 0
  let currentCall = 0
  reserveKeys(current.keys)

  /** Each set has its own cache, so that tokens of a retired key leave the cache together with the key. */
  async function openTokens(keys: AccessKeys): Promise<AccessTokens> {
    return withVerificationCache(await createAccessTokens(fastify(), keys, deps.options), accessToken.cache)
  }

  async function load(): Promise<KeyPairs> {
    if (!keySource)
      invalidOption('rotateKeys() needs an argument, because accessToken.keys is not a function')
    return read(await keySource())
  }

  async function openSet(keys: KeyPairs): Promise<KeySet> {
    return { keys, tokens: await openTokens(keys), jwks: jwkSet(keys) }
  }

  async function rotate(input: unknown): Promise<void> {
    const call = ++lastCall
    const keys = input === undefined ? await load() : read(input)
    const isNew = !areSameKeys(keys, current.keys)
    const next = isNew ? await openSet(keys) : current
    // A later call may have finished first. Its keys are newer.
    if (call < currentCall) return
    reserveKeys(keys)
    current = next
    currentCall = call
    if (isNew)
      log.info({ event: 'keys_rotated', kids: keys.map(({ kid }) => kid) }, 'access token keys rotated')
  }

  return {
    accessTokens: {
      sign: (session, claims, nowMs) => current.tokens.sign(session, claims, nowMs),
      verify: (token) => current.tokens.verify(token)
    },
    get jwks() {
      return current.jwks
    },
    rotate
  }
}

function withoutRotation(accessTokens: AccessTokens): KeyRotation {
  return {
    accessTokens,
    jwks: { keys: [] },
    async rotate() {
      invalidOption(
        'rotateKeys() needs an accessToken.algorithm other than HS256, because the keys of HS256 are derived from the secret'
      )
    }
  }
}
