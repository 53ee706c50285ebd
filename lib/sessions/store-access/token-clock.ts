import type { AccessTokenClaims } from '../../../types/session.js'
import { isExpired } from '../../tokens/access-token.js'
import { type ClockReading, readClocks } from '../../utils/clock.js'
import type { StoreClock } from './store-clock.js'

/** Ignores steps of time synchronization, and differences between the speeds of the two clocks. */
const TOLERANCE_MS = 1000

/** Which clocks show that an access token has expired. They differ only if one of them is or was wrong. */
export interface Expiry {
  byWallClock: boolean
  /** By the wall clock as it was before it was set back. */
  byFormerClock: boolean
  byStoreClock: boolean
}

/**
 * Compares the expiry of access tokens with three clocks. A wall clock that is set back must not make a token valid again,
 * because this process may have removed its revocation from memory. A wall clock that was ahead and is corrected must not
 * make new tokens invalid. Both look the same to this process. The caller decides by the store's clock, because it set the
 * times of the tokens.
 */
export class TokenClock {
  readonly #storeClock: StoreClock
  readonly #storeMarginMs: number
  readonly #toleranceMs: number
  /** The last reading before the wall clock was set back. */
  #former: ClockReading = readClocks()
  /** When the wall clock shows this time, it has caught up with its former time. */
  #caughtUpAtMs = Number.POSITIVE_INFINITY

  /**
   * @param toleranceMs for how long a token is accepted after its expiry
   * @param storeMarginMs for how long, in addition, a token must have expired by the store's clock until that counts
   */
  constructor(storeClock: StoreClock, toleranceMs: number, storeMarginMs = 0) {
    this.#storeClock = storeClock
    this.#toleranceMs = toleranceMs
    this.#storeMarginMs = storeMarginMs
  }

  expiryOf(claims: AccessTokenClaims): Expiry {
    const now = readClocks()
    const storeMs = this.#storeClock.toStoreTime(now.monotonicMs)
    return {
      byWallClock: this.isExpired(claims, now.wallMs),
      byFormerClock: this.isExpired(claims, this.#readFormerClock(now)),
      byStoreClock: this.#storeClock.isSynced && this.isExpired(claims, storeMs - this.#storeMarginMs)
    }
  }

  /** Returns whether a token has expired at a time in milliseconds since the epoch. */
  isExpired(claims: AccessTokenClaims, nowMs: number): boolean {
    return isExpired(claims, nowMs - this.#toleranceMs)
  }

  /** Returns the time that the wall clock would show if it had not been set back. */
  #readFormerClock(now: ClockReading): number {
    const formerMs = this.#former.wallMs + now.monotonicMs - this.#former.monotonicMs
    if (now.wallMs >= Math.min(formerMs - TOLERANCE_MS, this.#caughtUpAtMs)) {
      this.#former = now
      this.#caughtUpAtMs = Number.POSITIVE_INFINITY
      return now.wallMs
    }
    // Keeps the first reading after the step, because the wall clock cannot catch up with the continued time.
    if (this.#caughtUpAtMs === Number.POSITIVE_INFINITY) this.#caughtUpAtMs = formerMs
    return formerMs
  }
}
