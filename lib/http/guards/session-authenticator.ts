import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import { booleanResult } from '../../utils/callback-results.js'
import { readAccessToken } from './bearer-token.js'
import { createOriginCheck } from './csrf.js'
import type { Authenticator } from './guards.js'

/**
 * Authenticates requests through the session service. An authenticated request also confirms the generation of its
 * access token, unless the option `refreshToken.confirms` prevents it. If the token is from `accessToken.read`, checks the
 * origin, so that no route depends on a second hook.
 */
export function createSessionAuthenticator(
  service: SessionService,
  options: Pick<ResolvedOptions, 'accessToken' | 'refreshToken' | 'csrf' | 'cookie'>
): Authenticator {
  const { accessToken } = options
  const { confirms } = options.refreshToken
  const checkOrigin = createOriginCheck(options)

  async function confirmIf(isConfirmed: Promise<boolean> | boolean, user: AccessTokenClaims): Promise<void> {
    if (booleanResult(await isConfirmed, 'option "refreshToken.confirms"')) service.confirm(user)
  }

  return {
    readToken: (request) => readAccessToken(request, accessToken, checkOrigin),
    verifyToken: (token) => service.verify(token),
    nowMs: () => service.nowMs(),
    onAuthenticated: confirms
      ? (user, request: FastifyRequest) => confirmIf(confirms(request), user)
      : (user) => service.confirm(user)
  }
}
