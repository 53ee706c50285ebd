import type { AccessTokenClaims } from '../../types/session.js'
import { type Check, duration, listOf, mustBe, object, optional } from '../utils/checks.js'

/** Characters that a quoted string of a header contains as they are (RFC 9110, section 5.6.4), without spaces. */
const ACR = /^[!#-[\]-~]{1,64}$/
const AMR = /^[!#-[\]-~]{1,32}$/
const MAX_METHODS = 8

export function isAcr(value: unknown): value is string {
  return typeof value === 'string' && ACR.test(value)
}

export function isAmr(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_METHODS &&
    value.every((method) => typeof method === 'string' && AMR.test(method))
  )
}

/** The authentication that a guard requires. */
export interface Requirement {
  maxAgeMs: number | undefined
  /** The session must have one of these classes. Empty if any class is accepted. */
  acr: readonly string[]
}

const acr: Check<string> = (value, path) =>
  isAcr(value)
    ? value
    : mustBe(path, '1 to 64 printable ASCII characters without spaces, quotes and backslashes')

const requirement = object({
  maxAge: optional(duration({ min: 1000 })),
  acr: optional<string | readonly string[]>((value, path) =>
    Array.isArray(value) ? listOf(acr)(value, path) : acr(value, path)
  )
})

/** Checks what `requireAuthentication` and the option `routes.stepUp` require. */
export const requiredAuthentication: Check<Requirement> = (value, path) => {
  const { maxAge: maxAgeMs, acr = [] } = requirement(value, path)
  const classes = [acr].flat()
  if (maxAgeMs === undefined && classes.length === 0) mustBe(path, 'an object with maxAge or acr')
  return Object.freeze({ maxAgeMs, acr: classes })
}

/**
 * Returns whether the authentication that a token describes is enough (RFC 9470, section 5).
 * @param nowMs by the clock that set the times of the token
 */
export function isSufficient(
  { iat = 0, auth_time, acr }: Partial<AccessTokenClaims>,
  required: Requirement,
  nowMs: number
): boolean {
  const { maxAgeMs } = required
  // A clock that is behind the time of issue is wrong.
  const laterMs = Math.max(nowMs, iat * 1000)
  // A token of another issuer may not have the claim.
  const isRecent =
    maxAgeMs === undefined || (auth_time !== undefined && laterMs - auth_time * 1000 <= maxAgeMs)
  return isRecent && (required.acr.length === 0 || (acr !== undefined && required.acr.includes(acr)))
}

/** Returns the parameters of the challenge (RFC 9470, section 3). */
export function challengeParameters({ maxAgeMs, acr }: Requirement): string {
  return [
    ...(acr.length > 0 ? [`acr_values="${acr.join(' ')}"`] : []),
    ...(maxAgeMs === undefined ? [] : [`max_age="${Math.floor(maxAgeMs / 1000)}"`])
  ].join(', ')
}
