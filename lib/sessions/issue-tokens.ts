import type { Claims, Tokens } from '../../types/session.js'
import type { Issue } from '../../types/session-store.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import type { Family } from '../tokens/session-id.js'
import type { Parts } from './components.js'

export interface IssuedTokens extends Tokens {
  /** The same copy that the client presented: a cookie that is set again late could put an older one back. */
  isSameCopy: boolean
}

/** The two tokens of the generation that the store decided on. */
export function issueTokens(
  { refreshTokens, accessTokens }: Parts,
  family: Family,
  { session, issuedUs, nowMs }: Issue,
  claims: Claims,
  presented?: RefreshToken
): IssuedTokens {
  const { token, expiresIn } = accessTokens.sign(session, claims, nowMs)
  return {
    accessToken: token,
    expiresIn,
    refreshToken: refreshTokens.mint(family, session.gen, issuedUs),
    refreshTokenExpiresIn: Math.floor((session.expiresAt.getTime() - nowMs) / 1000),
    session,
    isSameCopy: presented?.gen === session.gen && presented.issuedUs === issuedUs
  }
}
