import type { FastifyReply, FastifyRequest } from 'fastify'
import { contextOf } from '../../sessions/call-context.js'
import type { AccessTokens } from '../../tokens/access-token.js'
import { parseTokens, rejectUnsupportedVersions } from '../../tokens/presented-tokens.js'
import { readAccessToken } from '../guards/bearer-token.js'
import { logoutSchema } from '../openapi/route-schemas.js'
import { isOAuth, rejectRepeatedParameters, requireParameter, sendOAuthError } from './oauth.js'
import type { Route, RouteContext } from './route-context.js'

/**
 * `POST /auth/logout`: revokes the session of each valid token in the request. Accepts retired refresh tokens and
 * expired access tokens. Returns 200 even if there was no session to revoke.
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

/** Revokes the session of each token in the request, then deletes the cookie. */
export async function revokePresentedSessions(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const { options, transport } = context
  const accessToken = readAccessToken(request, options.accessToken)
  const tokens = accessToken === null ? [] : [accessToken]
  await revokeSessionsOf(context, request, [...transport.read(request), ...tokens])
  // After the revocation, so that the client can log out again if the store fails.
  transport.clear(request, reply)
}

/** RFC 7009. Returns 200 for unknown tokens too. */
async function revokeForOAuth(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<object> {
  try {
    rejectRepeatedParameters(request)
    await revokeSessionsOf(context, request, [requireParameter(request, 'token')])
    return {}
  } catch (error) {
    return sendOAuthError(reply, error)
  }
}

/** @param tokens refresh tokens and access tokens */
async function revokeSessionsOf(
  { service, refreshTokens, accessTokens }: RouteContext,
  request: FastifyRequest,
  tokens: string[]
): Promise<void> {
  const sids = new Set([
    ...parseTokens(refreshTokens, tokens).map(({ sid }) => sid),
    ...tokens.flatMap((token) => sidOf(accessTokens, token))
  ])
  const revocations = [...sids].map((sid) => service.revoke(sid, 'logout', contextOf(request)))
  // Waits for all revocations, then throws the first error.
  await Promise.allSettled(revocations)
  await Promise.all(revocations)
  rejectUnsupportedVersions(refreshTokens, tokens)
}

function sidOf(accessTokens: AccessTokens, token: string): string[] {
  try {
    return [accessTokens.verify(token).sid]
  } catch {
    return []
  }
}
