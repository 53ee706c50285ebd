import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import { readAccessToken } from './bearer-token.js'
import type { Authenticator } from './guards.js'

/** Lets in whose session lives; and whoever came in has proved to hold his tokens. */
export function createSessionAuthenticator(
  service: SessionService,
  { accessToken, refreshToken }: Pick<ResolvedOptions, 'accessToken' | 'refreshToken'>
): Authenticator {
  const { confirms } = refreshToken

  async function confirmIf(answer: Promise<boolean> | boolean, user: AccessTokenClaims): Promise<void> {
    if (await answer) service.confirm(user)
  }

  return {
    readToken: (request) => readAccessToken(request, accessToken),
    verifyToken: (token) => service.verify(token),
    onAuthenticated: confirms
      ? (user, request: FastifyRequest) => confirmIf(confirms(request), user)
      : (user) => service.confirm(user)
  }
}
