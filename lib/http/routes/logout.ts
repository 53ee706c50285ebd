import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import { errorCodes } from '../../errors.js'
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
    access: 'token',
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
  try {
    await revokeSessionsOf(context, request, transport.read(request), accessToken)
  } catch (error) {
    // A user whose key is lost cannot revoke the session, but can discard its token.
    if (isKeyMissing(error)) transport.clear(request, reply)
    throw error
  }
  // After the revocation, so that the client can log out again if the store fails.
  transport.clear(request, reply)
}

function isKeyMissing(error: unknown): boolean {
  const { code } = Object(error)
  return code === errorCodes.ProofRequired || code === errorCodes.ProofKeyMismatch
}

/** RFC 7009. Returns 200 for unknown tokens too. */
async function revokeForOAuth(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<object> {
  try {
    rejectRepeatedParameters(request)
    const token = requireParameter(request, 'token')
    await revokeSessionsOf(context, request, [token], token)
    return {}
  } catch (error) {
    return sendOAuthError(reply, error)
  }
}

async function revokeSessionsOf(
  { service, refreshTokens, accessTokens, proofs }: RouteContext,
  request: FastifyRequest,
  presented: string[],
  accessToken: string | null
): Promise<void> {
  const { valid, others } = parseTokens(refreshTokens, presented)
  const { proved, rejected } = service.splitByKey(valid, () => proofs.read(request), contextOf(request))
  const sids = new Set(proved.map(({ sid }) => sid))
  const claims = accessToken === null ? null : claimsOf(accessTokens, accessToken)
  if (claims) sids.add(claims.sid)
  await service.logOut([...sids], contextOf(request))
  rejectUnsupportedVersions(refreshTokens, others)
  // An access token of the same session has revoked it.
  const remaining = rejected.find(({ sid }) => !sids.has(sid))
  if (remaining) throw remaining.error
}

function claimsOf(accessTokens: AccessTokens, accessToken: string): AccessTokenClaims | null {
  try {
    return accessTokens.verify(accessToken)
  } catch {
    return null
  }
}
