import { type FastifyBaseLogger, fastify } from 'fastify'
import type { ClaimKeys } from '../options/registrations.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { refuse } from '../utils/checks.js'
import { type AccessTokens, createAccessTokens } from './access-token.js'
import { type AccessKeys, areSameKeys, type KeyPairs, secretKeys } from './keys/access-token-keys.js'
import type { KeyRing } from './keys/derived-keys.js'
import { type JwkSet, jwkSet } from './keys/jwk.js'
import { readKeyPairs } from './keys/key-pairs.js'
import { rememberVerified } from './verified-token-cache.js'

/** The access tokens of an instance, whose keys may be replaced while it runs. */
export interface KeyRotation {
  /** Each call sees one set of keys, whole. */
  accessTokens: AccessTokens
  /** The public halves of the keys in force. */
  readonly jwks: JwkSet
  /**
   * Replaces the keys by those that were given, or by what their source gives now.
   * @throws `FRT_ERR_INVALID_OPTION`, or what the source throws; then nothing has changed
   */
  rotate(given: unknown): Promise<void>
}

interface KeySet {
  keys: KeyPairs
  tokens: AccessTokens
  jwks: JwkSet
}

interface Made {
  options: ResolvedOptions
  /** The keys for HS256. */
  derived: KeyRing
  claimKeys: ClaimKeys
  log: FastifyBaseLogger
}

export async function createKeyRotation({ options, derived, claimKeys, log }: Made): Promise<KeyRotation> {
  const { algorithm, keys: given, keySource } = options.accessToken
  if (algorithm === 'HS256') return withoutRotation(await openTokens(secretKeys(derived), options))

  const read = (keys: unknown) => readKeyPairs(keys, algorithm, 'accessToken.keys')
  let current = await openSet(given ?? (await ask()))
  let calls = 0
  let inForce = 0
  claimKeys(current.keys)

  async function ask(): Promise<KeyPairs> {
    if (!keySource) refuse('rotateKeys()', 'given keys: accessToken.keys is no function that could be asked')
    return read(await keySource())
  }

  async function openSet(keys: KeyPairs): Promise<KeySet> {
    return { keys, tokens: await openTokens(keys, options), jwks: jwkSet(keys) }
  }

  async function rotate(given: unknown): Promise<void> {
    const call = ++calls
    const keys = given === undefined ? await ask() : read(given)
    const isNew = !areSameKeys(keys, current.keys)
    const next = isNew ? await openSet(keys) : current
    // One that was called later had its keys sooner: they are the newer ones.
    if (call < inForce) return
    claimKeys(keys)
    current = next
    inForce = call
    if (isNew)
      log.info({ event: 'keys_rotated', kids: keys.map(({ kid }) => kid) }, 'access tokens have new keys')
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

/** What was verified is remembered as long as the keys are the same: those that retire take it with them. */
async function openTokens(keys: AccessKeys, options: ResolvedOptions): Promise<AccessTokens> {
  return rememberVerified(await createAccessTokens(fastify(), keys, options), options.accessToken.cache)
}

function withoutRotation(accessTokens: AccessTokens): KeyRotation {
  return {
    accessTokens,
    jwks: { keys: [] },
    async rotate() {
      refuse(
        'accessToken.algorithm',
        "another than 'HS256' for rotateKeys(): the keys of HS256 come from secret"
      )
    }
  }
}
