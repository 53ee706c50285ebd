import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import { booleanResult } from '../../utils/callback-results.js'
import { readAccessToken } from './bearer-token.js'
import type { Authenticator } from './guards.js'

/**
 * Authenticates requests through the session service. An authenticated request also confirms the generation of its
 * access token, unless the option `refreshToken.confirms` prevents it.
 */
export function createSessionAuthenticator(
  service: SessionService,
  { accessToken, refreshToken }: Pick<ResolvedOptions, 'accessToken' | 'refreshToken'>
): Authenticator {
  const { confirms } = refreshToken

  async function confirmIf(isConfirmed: Promise<boolean> | boolean, user: AccessTokenClaims): Promise<void> {
    if (booleanResult(await isConfirmed, 'option "refreshToken.confirms"')) service.confirm(user)
  }

  return {
    readToken: (request) => readAccessToken(request, accessToken),
    verifyToken: (token) => service.verify(token),
    onAuthenticated: confirms
      ? (user, request: FastifyRequest) => confirmIf(confirms(request), user)
      : (user) => service.confirm(user)
  }
}
