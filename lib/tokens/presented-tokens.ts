import { errors } from '../errors.js'
import type { RefreshToken, RefreshTokenCodec } from './refresh-token.js'

/** Returns the valid refresh tokens among those that were presented: the newest one of each session. */
export function parseTokens(codec: RefreshTokenCodec, tokens: string[]): RefreshToken[] {
  return newestOfEachSession(tokens.flatMap((token) => codec.parse(token) ?? []))
}

/**
 * Rejects refresh tokens in the format of another release. During a rolling deployment a 401 would log the user out.
 * @throws {FRT_ERR_STORE_UNAVAILABLE} if one of the tokens has an unsupported version
 */
export function rejectUnsupportedVersions(codec: RefreshTokenCodec, tokens: string[]): void {
  if (!tokens.some((token) => codec.isUnsupportedVersion(token))) return
  throw new errors.StoreUnavailable({ cause: new Error('a refresh token has an unsupported version') })
}

/** Returns the newest token of each session. The others come from older cookies. */
export function newestOfEachSession(tokens: readonly RefreshToken[]): RefreshToken[] {
  const newest = new Map<string, RefreshToken>()
  for (const token of tokens) {
    const other = newest.get(token.sid)
    if (!other || isNewer(token, other)) newest.set(token.sid, token)
  }
  return [...newest.values()]
}

function isNewer(a: RefreshToken, b: RefreshToken): boolean {
  return a.gen > b.gen || (a.gen === b.gen && a.issuedUs > b.issuedUs)
}
