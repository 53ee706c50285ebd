import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import type { Identity } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { parseTokens } from '../../tokens/presented-tokens.js'
import { loginSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

/** `POST /auth/login`: whatever `login` reads; 200 with the tokens. */
export function loginRoute(context: RouteContext): Route {
  const { login, routes } = context.options
  return {
    overrides: routes.login,
    method: 'POST',
    path: '/login',
    schema: loginSchema(context.options),
    access: 'public',
    async handler(request, reply) {
      const identity = await login?.(request, reply)
      // It has answered by itself: to wait for a reply is to wait until it was sent.
      if (reply.sent) return reply
      if (!identity) throw new errors.InvalidCredentials()
      return startSession(context, request, reply, identity)
    }
  }
}

/**
 * Starts a session, and ends the one that the request came with: it is not left behind for whoever
 * copied it. The new one first, for a login that fails must cost nothing.
 */
export async function startSession(
  { service, transport, refreshTokens }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  identity: Identity
): Promise<TokenResponse> {
  const replaced = parseTokens(refreshTokens, transport.read(request))
  const tokens = await service.create(identity, contextOf(request), replaced)
  // Also on a route of the app's own (RFC 6749 section 5.1).
  reply.header('cache-control', 'no-store')
  return transport.write(request, reply, tokens)
}
