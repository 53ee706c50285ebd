import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessTokenResponse } from '../../../types/fastify.js'
import type { Authentication } from '../../../types/session.js'
import { contextOf } from '../../sessions/call-context.js'
import type { SignedAccessToken } from '../../tokens/access-token.js'
import { forbidCaching } from '../transport/no-store.js'
import type { RouteContext } from './route-context.js'

/** Implements `reply.reissueAccessToken`. */
export async function reissueAccessToken(
  { service, guards }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<AccessTokenResponse> {
  return toResponse(reply, await service.reissue(guards.userOf(request), contextOf(request)))
}

/** Implements `reply.elevate`. */
export async function elevate(
  { service, guards }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  authentication: Authentication
): Promise<AccessTokenResponse> {
  return toResponse(reply, await service.elevate(guards.userOf(request), authentication, contextOf(request)))
}

/** RFC 6749, section 5.1. */
function toResponse(reply: FastifyReply, { token, expiresIn }: SignedAccessToken): AccessTokenResponse {
  forbidCaching(reply)
  return { access_token: token, token_type: 'Bearer', expires_in: expiresIn }
}
