import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import { readAccessToken } from './bearer-token.js'
import type { Gate } from './guards.js'

/** Lets in whose session lives; and whoever came in has proved to hold his tokens. */
export function createGate(
  service: SessionService,
  { accessToken, refreshToken }: Pick<ResolvedOptions, 'accessToken' | 'refreshToken'>
): Gate {
  const { confirms } = refreshToken

  async function confirmIf(answer: Promise<boolean> | boolean, user: AccessTokenClaims): Promise<void> {
    if (await answer) service.confirm(user)
  }

  return {
    read: (request) => readAccessToken(request, accessToken),
    verify: (token) => service.verify(token),
    entered: confirms
      ? (user, request: FastifyRequest) => confirmIf(confirms(request), user)
      : (user) => service.confirm(user)
  }
}
