import type { FastifyReply, FastifyRequest } from 'fastify'
import { contextOf } from '../../sessions/call-context.js'
import type { AccessTokens } from '../../tokens/access-token.js'
import { parseTokens, rejectUnsupportedVersions } from '../../tokens/presented-tokens.js'
import { readAccessToken } from '../guards/bearer-token.js'
import { logoutSchema } from '../openapi/route-schemas.js'
import { isOAuth, refuseRepeated, requireParameter, sendOAuthError } from './oauth.js'
import type { Route, RouteContext } from './route-context.js'

/**
 * `POST /auth/logout`: the refresh token, even a retired one, and the access token, even an expired one.
 * Every session that a valid one names ends; 200 also when there was nothing to end.
 */
export function logoutRoute(context: RouteContext): Route {
  return {
    overrides: context.options.routes.logout,
    method: 'POST',
    path: '/logout',
    schema: logoutSchema(context.options),
    access: 'public',
    async handler(request, reply) {
      if (isOAuth(request)) return revokeForOAuth(context, request, reply)
      await revokePresentedSessions(context, request, reply)
      return {}
    }
  }
}

/** Ends every session that a token of the request names, and makes a browser forget its cookie. */
export async function revokePresentedSessions(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const { options, transport } = context
  const accessToken = readAccessToken(request, options.accessToken)
  const tokens = accessToken === null ? [] : [accessToken]
  await revokeSessionsOf(context, request, [...transport.read(request), ...tokens])
  // Only now: a logout that did not reach the store is none.
  transport.clear(request, reply)
}

/** RFC 7009: 200 for an unknown token too. */
async function revokeForOAuth(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<object> {
  try {
    refuseRepeated(request)
    await revokeSessionsOf(context, request, [requireParameter(request, 'token')])
    return {}
  } catch (error) {
    return sendOAuthError(reply, error)
  }
}

/** @param tokens of either kind */
async function revokeSessionsOf(
  { service, refreshTokens, accessTokens }: RouteContext,
  request: FastifyRequest,
  tokens: string[]
): Promise<void> {
  const sids = new Set([
    ...parseTokens(refreshTokens, tokens).map(({ sid }) => sid),
    ...tokens.flatMap((token) => sidOf(accessTokens, token))
  ])
  const ends = [...sids].map((sid) => service.revoke(sid, 'logout', contextOf(request)))
  // Each is tried to its end before the first failure is told.
  await Promise.allSettled(ends)
  await Promise.all(ends)
  rejectUnsupportedVersions(refreshTokens, tokens)
}

function sidOf(accessTokens: AccessTokens, token: string): string[] {
  try {
    return [accessTokens.verify(token).sid]
  } catch {
    return []
  }
}
