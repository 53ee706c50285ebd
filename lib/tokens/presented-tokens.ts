import { errors } from '../errors.js'
import type { RefreshToken, RefreshTokenCodec } from './refresh-token.js'

/** More tokens in one request come from an attacker, for example on a sibling domain. Each one may cost an HMAC. */
const MAX_TOKENS = 8
/** An honest browser has one or two. Each one may cost a call of the store. */
const MAX_VALID_TOKENS = 4

export interface ParsedTokens {
  /** The valid refresh tokens: the newest one of each session. */
  valid: RefreshToken[]
  /** The texts that are not valid refresh tokens of this release, or were not looked at after four valid ones. */
  others: string[]
  /** Whether there was no token beyond the limits. One that was not looked at may belong to another session. */
  isComplete: boolean
}

/** Parses the refresh tokens of a request: the first 8, until 4 of them are valid. */
export function parseTokens(codec: RefreshTokenCodec, presented: readonly string[]): ParsedTokens {
  const valid: RefreshToken[] = []
  const others: string[] = []
  let readCount = 0
  for (const text of presented.slice(0, MAX_TOKENS)) {
    const isRead = valid.length < MAX_VALID_TOKENS
    if (isRead) readCount++
    const token = isRead ? codec.parse(text) : null
    if (token) valid.push(token)
    else others.push(text)
  }
  // The transport may have omitted others if there are this many.
  const isComplete = presented.length < MAX_TOKENS && readCount === presented.length
  return { valid: newestOfEachSession(valid), others, isComplete }
}

/**
 * Rejects refresh tokens in the format of another release. During a rolling deployment a 401 would log the user out.
 * @param others tokens that `parseTokens` did not accept
 * @throws {FRT_ERR_STORE_UNAVAILABLE} if one of the tokens has an unsupported version
 */
export function rejectUnsupportedVersions(codec: RefreshTokenCodec, others: readonly string[]): void {
  if (!others.some((token) => codec.isUnsupportedVersion(token))) return
  throw new errors.StoreUnavailable({ cause: new Error('a refresh token has an unsupported version') })
}

/** Returns the newest token of each session. The others come from older cookies. */
export function newestOfEachSession(tokens: RefreshToken[]): RefreshToken[] {
  if (tokens.length < 2) return tokens
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
