import type { AccessTokenClaims } from '../../types/session.js'
import { errors } from '../errors.js'

type IsValid = (value: unknown) => boolean

const isString: IsValid = (value) => typeof value === 'string'
const isMissing: IsValid = (value) => value === undefined
const isStringOrMissing: IsValid = (value) => value === undefined || isString(value)
/** JSON can contain a number that is not a time, because `1e400` is parsed as `Infinity`. */
const isTime: IsValid = Number.isFinite
const isTimeOrMissing: IsValid = (value) => value === undefined || isTime(value)

const isMissingOrStrings: IsValid = (value) =>
  value === undefined || (Array.isArray(value) && value.every(isString))

const CLAIM_TYPES: readonly [name: string, isValid: IsValid][] = [
  ['sub', isString],
  ['sid', isString],
  ['gen', Number.isSafeInteger],
  ['iat', isTime],
  ['exp', isTime],
  ['nbf', isTimeOrMissing],
  ['auth_time', isTimeOrMissing],
  ['jti', isStringOrMissing],
  ['client_id', isStringOrMissing],
  ['acr', isStringOrMissing],
  ['amr', isMissingOrStrings],
  // A token that is bound to a key must not be accepted without a proof of the key (RFC 9449, section 7.2).
  ['cnf', isMissing]
]

/**
 * Checks the types of the claims that this package and applications calculate with. A valid signature says nothing about
 * types, and JavaScript accepts `'9999999999' * 1000` as a time.
 * @throws {FRT_ERR_ACCESS_TOKEN_INVALID} if a claim has another type
 */
export function rejectInvalidTypes(claims: AccessTokenClaims): void {
  for (const [name, isValid] of CLAIM_TYPES) {
    if (isValid(claims[name as keyof AccessTokenClaims])) continue
    throw new errors.AccessTokenInvalid({ cause: new Error(`the claim ${name} has an invalid type`) })
  }
}
