import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../types/identity.js'
import type { Gate } from './authenticate.js'
import type { ResolvedOptions } from './options/resolve.js'
import { readAccessToken } from './read-access-token.js'
import type { SessionService } from './session-service.js'

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
