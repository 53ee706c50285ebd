import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { parseTokens, rejectUnsupportedVersions } from '../../tokens/presented-tokens.js'
import { refreshSchema } from '../openapi/route-schemas.js'
import { bodyTransport, type TokenTransport } from '../transport/transport.js'
import { isOAuth, OAuthError, refuseRepeated, requireParameter, sendOAuthError } from './oauth.js'
import type { Route, RouteContext } from './route-context.js'

/** `POST /auth/refresh`: the refresh token; 200 with new tokens. */
export function refreshRoute(context: RouteContext): Route {
  return {
    overrides: context.options.routes.refresh,
    method: 'POST',
    path: '/refresh',
    schema: refreshSchema(context.options),
    access: 'public',
    handler: (request, reply) =>
      isOAuth(request) ? refreshForOAuth(context, request, reply) : refreshSession(context, request, reply)
  }
}

/** Exchanges the refresh token that came with the request. */
export async function refreshSession(
  { service, refreshTokens, transport: configured }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  transport: TokenTransport = configured
): Promise<TokenResponse> {
  const given = transport.read(request)
  if (given.length === 0) throw new errors.NoRefreshToken()
  rejectUnsupportedVersions(refreshTokens, given)
  const [token, ...others] = parseTokens(refreshTokens, given)
  // Two sessions: one of the cookies was tossed in by somebody. Using neither logs out and fixates nobody.
  if (!token || others.length > 0) throw new errors.RefreshTokenInvalid()
  const tokens = await service.refresh(token, contextOf(request))
  // Also on a route of the app's own (RFC 6749 section 5.1).
  reply.header('cache-control', 'no-store')
  return transport.write(request, reply, tokens)
}

/** RFC 6749 section 6. */
async function refreshForOAuth(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<TokenResponse | FastifyReply> {
  try {
    refuseRepeated(request)
    if (requireParameter(request, 'grant_type') !== 'refresh_token') {
      throw new OAuthError('unsupported_grant_type', 'The grant_type must be refresh_token')
    }
    requireParameter(request, 'refresh_token')
    return await refreshSession(context, request, reply, bodyTransport)
  } catch (error) {
    return sendOAuthError(reply, error)
  }
}
