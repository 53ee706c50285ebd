import { errors } from '../errors.js'
import type { RefreshToken, RefreshTokenCodec } from './refresh-token.js'

/** The valid tokens among those that came: of one session the newest. */
export function parseTokens(codec: RefreshTokenCodec, tokens: string[]): RefreshToken[] {
  return newestOfEachSession(tokens.flatMap((token) => codec.parse(token) ?? []))
}

/**
 * Of a token that another release of this package has made only that release knows what it is worth: while both
 * run side by side, that is no logout.
 * @throws `FRT_ERR_STORE_UNAVAILABLE`
 */
export function rejectUnsupportedVersions(codec: RefreshTokenCodec, tokens: string[]): void {
  if (!tokens.some((token) => codec.isUnsupportedVersion(token))) return
  throw new errors.StoreUnavailable({ cause: new Error('a refresh token of another version') })
}

/** Of several tokens of one session the newest: the others are what an older cookie left behind. */
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
