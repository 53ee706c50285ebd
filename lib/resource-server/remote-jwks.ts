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
import type { JwksAnswer } from './fetch-jwks.js'
import { isPrivate, usableKeys } from './verification-keys.js'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** How long an answer is kept: as long as it says, within bounds. */
const MIN_AGE_MS = MINUTE_MS
const MAX_AGE_MS = HOUR_MS
const DEFAULT_AGE_MS = 5 * MINUTE_MS

/** How long keys are used that the endpoint, which fails, has not confirmed. */
const MAX_STALE_MS = 24 * HOUR_MS

/** Between two questions: tokens with kids of their makers' own invention cause no more of them. */
const COOLDOWN_MS = 30 * SECOND_MS

export interface RemoteKeysSettings {
  algorithms: readonly KeyAlgorithm[]
  fetch(): Promise<JwksAnswer>
  open(keys: KeyPairs): Promise<TokenVerifier>
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

/**
 * The keys of another server, by its word: asked for when they are needed and not known, or known for too long.
 * Whoever waits for an answer waits for the same one.
 */
export class RemoteJwks {
  readonly #settings: RemoteKeysSettings
  #keys: readonly KeyPair[] = []
  #verifier: TokenVerifier | undefined
  #maxAgeMs = 0
  #answeredAt: ClockReading | undefined
  #askedAt: ClockReading | undefined
  #asking: Promise<void> | undefined
  #failures = 0

  constructor(settings: RemoteKeysSettings) {
    this.#settings = settings
  }

  /** Resolves when the endpoint has answered, or failed to. */
  async open(): Promise<void> {
    await this.#reloadIfDue()
  }

  /** @throws `FRT_ERR_ACCESS_TOKEN_INVALID`, `FRT_ERR_KEYS_UNAVAILABLE` */
  verify(token: string): AccessTokenClaims | Promise<AccessTokenClaims> {
    const verifier = this.#verifier
    if (verifier?.knows(token) && this.#ageMs() < this.#maxAgeMs) return verifier.verify(token)
    return this.#verifyLater(token)
  }

  async #verifyLater(token: string): Promise<AccessTokenClaims> {
    if (!hasSupportedHeader(token, this.#settings.algorithms)) {
      throw new errors.AccessTokenInvalid({ cause: new Error('its header is that of no key') })
    }
    const asking = this.#reloadIfDue()
    // While the endpoint fails nobody waits for it who can do without.
    if (this.#failures === 0 || !this.#usable?.knows(token)) await asking

    const verifier = this.#usable
    // One with an unknown name may be good, for all that a failing endpoint tells: no 401, which logs out.
    const isUnknown = !verifier || (this.#failures > 0 && !verifier.knows(token))
    if (isUnknown) throw new errors.KeysUnavailable()
    return verifier.verify(token)
  }

  get #usable(): TokenVerifier | undefined {
    return this.#ageMs() < MAX_STALE_MS ? this.#verifier : undefined
  }

  #ageMs(): number {
    return this.#answeredAt ? elapsedSince(this.#answeredAt).maxMs : Number.POSITIVE_INFINITY
  }

  /** Asks, unless it was asked lately. Never rejects. */
  #reloadIfDue(): Promise<void> | undefined {
    if (!this.#asking && this.#canReload()) {
      this.#askedAt = readClocks()
      this.#asking = this.#refresh(this.#askedAt).finally(() => {
        this.#asking = undefined
      })
    }
    return this.#asking
  }

  #canReload(): boolean {
    const pauseMs = this.#failures === 0 ? COOLDOWN_MS : SECOND_MS * 2 ** (this.#failures - 1)
    return !this.#askedAt || elapsedSince(this.#askedAt).maxMs >= Math.min(pauseMs, COOLDOWN_MS)
  }

  async #refresh(askedAt: ClockReading): Promise<void> {
    const { fetch, log } = this.#settings
    try {
      const { keys, maxAgeMs = DEFAULT_AGE_MS } = await fetch()
      await this.#use(keys)
      this.#answeredAt = askedAt
      this.#maxAgeMs = Math.min(Math.max(maxAgeMs, MIN_AGE_MS), MAX_AGE_MS)
      if (this.#failures > 0) log.info({ event: 'jwks_recovered' }, 'the JWKS endpoint answers again')
      this.#failures = 0
    } catch (err) {
      if (this.#failures === 0)
        log.warn({ err, event: 'jwks_unavailable' }, 'the JWKS endpoint gives no keys')
      this.#failures++
    }
  }

  /** What a good answer no longer lists is no longer used, though nothing were left. */
  async #use(jwks: readonly unknown[]): Promise<void> {
    const { algorithms, open, log } = this.#settings
    if (jwks.some(isPrivate))
      log.warn({ event: 'jwks_private_key' }, 'the JWKS lists a private key, which is left out')
    const keys = usableKeys(jwks, algorithms)
    const [first, ...others] = keys
    if (first && areSameKeys(keys, this.#keys)) return
    const kids = keys.map(({ kid }) => kid)
    if (first) log.info({ event: 'jwks_keys', kids }, 'the JWKS has other keys')
    else log.warn({ event: 'jwks_keys', kids }, `the JWKS has no key for ${algorithms.join(' or ')}`)
    this.#verifier = first && (await open([first, ...others]))
    this.#keys = keys
  }
}
