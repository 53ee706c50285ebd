import type { Claims, Tokens } from '../../types/session.js'
import type { Issuance } from '../../types/session-store.js'
import type { RefreshToken } from '../tokens/refresh-token.js'
import type { SessionComponents } from './components.js'

export interface IssuedTokens extends Tokens {
  /** The claims of the application in the access token. */
  claims: Claims
  /** The refresh token is the one that the client presented. A second `Set-Cookie` could arrive late and replace a newer one. */
  isUnchanged: boolean
}

/** What all refresh tokens of a session have in common. */
export type TokenOwner = Pick<RefreshToken, 'family' | 'jkt'>

/** Issues both tokens of the generation that the store decided on. */
export function issueTokens(
  { refreshTokens, accessTokens }: SessionComponents,
  { family, jkt }: TokenOwner,
  { session, issuedUs, nowMs }: Issuance,
  claims: Claims,
  presented?: RefreshToken
): IssuedTokens {
  const { token, expiresIn } = accessTokens.sign(session, claims, nowMs)
  return {
    accessToken: token,
    expiresIn,
    refreshToken: refreshTokens.issue(family, session.gen, issuedUs, jkt),
    refreshTokenExpiresIn: Math.floor((session.expiresAt.getTime() - nowMs) / 1000),
    session,
    claims,
    isUnchanged: presented?.gen === session.gen && presented.issuedUs === issuedUs
  }
}
