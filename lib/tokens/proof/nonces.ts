import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { KeyRing } from '../keys/derived-keys.js'

const STEP_MS = 60_000
/** A nonce is accepted in its own minute and in the four minutes after it. */
const ACCEPTED_STEPS = 5
const LENGTH = 22

/** Nonces for proofs (RFC 9449, section 8). */
export interface Nonces {
  /** Returns the nonce of the current minute, 22 characters of base64url. */
  current(): string
  isValid(nonce: string): boolean
}

/**
 * Creates nonces without a store: a nonce is the HMAC of a minute. All processes with one secret agree on it.
 * The first secret issues, and all verify.
 */
export function createNonces(keys: KeyRing): Nonces {
  const [issuing] = keys

  return {
    current: () => nonceOf(issuing.proofNonce, currentStep()),

    isValid(nonce) {
      if (nonce.length !== LENGTH || Buffer.byteLength(nonce) !== LENGTH) return false
      // The next minute, because another process may have a clock that is ahead.
      const latest = currentStep() + 1
      const steps = Array.from({ length: ACCEPTED_STEPS + 1 }, (_, back) => latest - back)
      return steps.some((step) => keys.some(({ proofNonce }) => isEqual(nonceOf(proofNonce, step), nonce)))
    }
  }
}

function currentStep(): number {
  return Math.floor(Date.now() / STEP_MS)
}

function nonceOf(key: KeyObject, step: number): string {
  return createHmac('sha256', key).update(String(step)).digest('base64url').slice(0, LENGTH)
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
