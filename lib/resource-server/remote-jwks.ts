import type { FastifyBaseLogger } from 'fastify'
import type { AccessTokenClaims } from '../../types/session.js'
import { errors } from '../errors.js'
import { hasSupportedHeader, type TokenVerifier } from '../tokens/access-token.js'
import {
  areSameKeys,
  type KeyAlgorithm,
  type KeyPair,
  type KeyPairs
} from '../tokens/keys/access-token-keys.js'
import { type ClockReading, elapsedSince, readClocks } from '../utils/clock.js'
import type { JwksResponse } from './fetch-jwks.js'
import { isPrivate, selectVerificationKeys } from './verification-keys.js'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Limits of the time for which a response is fresh. */
const MIN_AGE_MS = MINUTE_MS
const MAX_AGE_MS = HOUR_MS
const DEFAULT_AGE_MS = 5 * MINUTE_MS

/** How long keys are used while the endpoint fails (stale-if-error, RFC 5861). */
const MAX_STALE_MS = 24 * HOUR_MS

/** Minimum time between two requests, so that tokens with invented key ids do not cause more requests. */
const COOLDOWN_MS = 30 * SECOND_MS

export interface RemoteJwksSettings {
  algorithms: readonly KeyAlgorithm[]
  fetch(): Promise<JwksResponse>
  open(keys: KeyPairs): Promise<TokenVerifier>
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

/**
 * Verifies access tokens with the keys of a JWKS endpoint. Loads the keys when a token needs a key that is unknown or
 * no longer fresh. Concurrent calls share one request.
 */
export class RemoteJwks {
  readonly #settings: RemoteJwksSettings
  #keys: readonly KeyPair[] = []
  #verifier: TokenVerifier | undefined
  #maxAgeMs = 0
  #loadedAt: ClockReading | undefined
  #requestedAt: ClockReading | undefined
  #loading: Promise<void> | undefined
  #failures = 0

  constructor(settings: RemoteJwksSettings) {
    this.#settings = settings
  }

  /** Loads the keys for the first time. Resolves also if the endpoint fails. */
  async open(): Promise<void> {
    await this.#reloadIfDue()
  }

  /**
   * Verifies an access token. Returns a promise only if keys must be loaded. Does not check the expiry.
   * @throws {FRT_ERR_ACCESS_TOKEN_INVALID} if the header, the signature or a claim is invalid
   * @throws {FRT_ERR_KEYS_UNAVAILABLE} if the key is unknown and the endpoint failed
   */
  verify(token: string): AccessTokenClaims | Promise<AccessTokenClaims> {
    const verifier = this.#verifier
    if (verifier?.hasKeyFor(token) && this.#ageMs() < this.#maxAgeMs) return verifier.verify(token)
    return this.#verifyAfterLoad(token)
  }

  async #verifyAfterLoad(token: string): Promise<AccessTokenClaims> {
    if (!hasSupportedHeader(token, this.#settings.algorithms)) {
      throw new errors.AccessTokenInvalid({ cause: new Error('the header matches no supported algorithm') })
    }
    const loading = this.#reloadIfDue()
    // While the endpoint fails, a token with a known key does not wait for it.
    if (this.#failures === 0 || !this.#usable?.hasKeyFor(token)) await loading

    const verifier = this.#usable
    // While the endpoint fails, a token with an unknown key may be valid. A 401 would log the user out.
    const isUndecided = !verifier || (this.#failures > 0 && !verifier.hasKeyFor(token))
    if (isUndecided) throw new errors.KeysUnavailable()
    return verifier.verify(token)
  }

  get #usable(): TokenVerifier | undefined {
    return this.#ageMs() < MAX_STALE_MS ? this.#verifier : undefined
  }

  #ageMs(): number {
    return this.#loadedAt ? elapsedSince(this.#loadedAt).maxMs : Number.POSITIVE_INFINITY
  }

  /** Loads the keys unless the cooldown has not passed. Never rejects. */
  #reloadIfDue(): Promise<void> | undefined {
    if (!this.#loading && this.#canReload()) {
      this.#requestedAt = readClocks()
      this.#loading = this.#load(this.#requestedAt).finally(() => {
        this.#loading = undefined
      })
    }
    return this.#loading
  }

  #canReload(): boolean {
    const pauseMs = this.#failures === 0 ? COOLDOWN_MS : SECOND_MS * 2 ** (this.#failures - 1)
    return !this.#requestedAt || elapsedSince(this.#requestedAt).maxMs >= Math.min(pauseMs, COOLDOWN_MS)
  }

  async #load(requestedAt: ClockReading): Promise<void> {
    const { fetch, log } = this.#settings
    try {
      const { keys, maxAgeMs = DEFAULT_AGE_MS } = await fetch()
      await this.#use(keys)
      this.#loadedAt = requestedAt
      this.#maxAgeMs = Math.min(Math.max(maxAgeMs, MIN_AGE_MS), MAX_AGE_MS)
      if (this.#failures > 0) log.info({ event: 'jwks_recovered' }, 'JWKS endpoint recovered')
      this.#failures = 0
    } catch (err) {
      if (this.#failures === 0)
        log.warn({ err, event: 'jwks_unavailable' }, 'JWKS endpoint returned no keys; retrying')
      this.#failures++
    }
  }

  /** Replaces the keys. A key that a valid response no longer lists is no longer used, even if no key remains. */
  async #use(jwks: readonly unknown[]): Promise<void> {
    const { algorithms, open, log } = this.#settings
    if (jwks.some(isPrivate))
      log.warn({ event: 'jwks_private_key' }, 'JWKS contains a private key; ignoring it')
    const keys = selectVerificationKeys(jwks, algorithms)
    const [first, ...others] = keys
    if (first && areSameKeys(keys, this.#keys)) return
    const kids = keys.map(({ kid }) => kid)
    if (first) log.info({ event: 'jwks_keys', kids }, 'JWKS keys changed')
    else log.warn({ event: 'jwks_keys', kids }, `JWKS has no key for ${algorithms.join(' or ')}`)
    this.#verifier = first && (await open([first, ...others]))
    this.#keys = keys
  }
}
