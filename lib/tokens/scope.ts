import type { Claims } from '../../types/session.js'
import { errors } from '../errors.js'

/** A scope (RFC 6749, section 3.3). */
const SCOPE = /^[!#-[\]-~]+$/

export function isScope(value: unknown): value is string {
  return typeof value === 'string' && SCOPE.test(value)
}

/**
 * Returns the scopes of a `scope` claim, a list separated by spaces (RFC 9068, section 2.2.3, and RFC 8693, section
 * 4.2). A claim of another type, such as an array, contains no scope.
 */
export function scopesIn(claim: unknown): string[] {
  return typeof claim === 'string' ? claim.split(' ') : []
}

/** Returns the claims without the scopes that a token does not have. Without scopes in the token, there are none. */
export function restrictScope(claims: Claims, token: Claims): Claims {
  if (claims.scope === undefined) return claims
  const granted = new Set(scopesIn(token.scope))
  const scopes = scopesIn(claims.scope).filter((scope) => granted.has(scope))
  return { ...claims, scope: scopes.length > 0 ? scopes.join(' ') : undefined }
}

/**
 * Returns the claims with only the requested scopes (RFC 6749, section 6).
 * @param requested scopes separated by spaces. `undefined` stands for all scopes of the claims
 * @throws {FRT_ERR_INVALID_SCOPE} if the claims do not contain a requested scope
 */
export function narrowScope(claims: Claims, requested: string | undefined): Claims {
  if (requested === undefined) return claims
  const granted = new Set(scopesIn(claims.scope))
  const scopes = new Set(requested.split(' '))
  for (const scope of scopes) {
    if (!isScope(scope) || !granted.has(scope)) throw new errors.InvalidScope()
  }
  return { ...claims, scope: [...scopes].join(' ') }
}
