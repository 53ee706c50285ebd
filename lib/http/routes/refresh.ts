import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { refreshSchema } from '../openapi/route-schemas.js'
import { forbidCaching } from '../transport/no-store.js'
import type { TokenTransport } from '../transport/transport.js'
import {
  isOAuth,
  isTokenRejected,
  OAuthError,
  oauthTransport,
  optionalParameter,
  rejectRepeatedParameters,
  requireParameter,
  sendOAuthError
} from './oauth.js'
import type { Route, RouteContext } from './route-context.js'
import { selectToken } from './select-token.js'

/** `POST /auth/refresh`: exchanges the refresh token of the request and returns new tokens. */
export function refreshRoute(context: RouteContext): Route {
  return {
    overrides: context.options.routes.refresh,
    method: 'POST',
    path: '/refresh',
    schema: refreshSchema(context.options),
    access: 'token',
    handler: (request, reply) =>
      isOAuth(request) ? refreshForOAuth(context, request, reply) : refreshSession(context, request, reply)
  }
}

/** How an OAuth client refreshes. */
interface OAuthRefresh {
  transport: TokenTransport
  /** The scopes that the client asks for. `undefined` asks for all scopes of the session. */
  scope: string | undefined
}

/** Exchanges the refresh token of the request. */
export async function refreshSession(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { transport, scope }: OAuthRefresh = { transport: context.transport, scope: undefined }
): Promise<TokenResponse> {
  const presented = transport.read(request)
  if (presented.length === 0) throw new errors.NoRefreshToken()
  try {
    const token = await selectToken(context, request, presented)
    // The header of a request whose token is not bound is not read.
    const proof = token.jkt === null ? null : context.proofs.read(request)
    const tokens = await context.service.refresh(token, contextOf(request), { scope, proof })
    context.proofs.offerNonce(reply)
    // Set here, because a route of the application may call this function (RFC 6749, section 5.1).
    forbidCaching(reply)
    return transport.write(request, reply, tokens)
  } catch (error) {
    // The browser keeps a rejected cookie. Only the first 401 names the reason, so that a page reports the end once.
    if (!isTokenRejected(error) || !transport.markRejected(request, reply)) throw error
    throw new errors.NoRefreshToken({ cause: error })
  }
}

/** RFC 6749, section 6. */
async function refreshForOAuth(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<TokenResponse | FastifyReply> {
  try {
    rejectRepeatedParameters(request)
    if (requireParameter(request, 'grant_type') !== 'refresh_token') {
      throw new OAuthError('unsupported_grant_type', 'The grant_type must be refresh_token')
    }
    requireParameter(request, 'refresh_token')
    const scope = optionalParameter(request, 'scope')
    return await refreshSession(context, request, reply, { transport: oauthTransport, scope })
  } catch (error) {
    return sendOAuthError(reply, error)
  }
}
