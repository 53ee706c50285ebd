import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../../../types/session.js'
import { errorCodes, isPluginError } from '../../errors.js'
import { introspectSchema } from '../openapi/service-schemas.js'
import { rejectRepeatedParameters, requireParameter, sendOAuthError } from './oauth.js'
import type { Route, RouteContext } from './route-context.js'

const INACTIVE = { active: false }

/** The errors of tokens that are not active. Others, such as an unavailable store, say nothing about the token. */
const INACTIVE_CODES = new Set<unknown>([
  errorCodes.AccessTokenInvalid,
  errorCodes.AccessTokenExpired,
  errorCodes.SessionRevoked
])

/**
 * `POST /auth/introspect` (RFC 7662): tells a service whether an access token is active. A refresh token is never active,
 * because a service that checks only `active` would accept it as an access token.
 */
export function introspectRoute(context: RouteContext): Route {
  const { routes, oauth } = context.options
  return {
    overrides: routes.introspect,
    method: 'POST',
    path: '/introspect',
    schema: introspectSchema,
    access: 'public',
    async handler(request, reply) {
      // Only `true`, so that a forgotten `await` or `return` allows no caller.
      if ((await oauth.canIntrospect?.(request)) !== true) return rejectCaller(request, reply)
      return introspect(context, request, reply)
    }
  }
}

/** RFC 6749, section 5.2: the challenge has the scheme that the caller used. */
function rejectCaller({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const scheme = /^bearer /i.test(headers.authorization ?? '') ? 'Bearer' : 'Basic'
  if (!reply.hasHeader('www-authenticate')) reply.header('www-authenticate', `${scheme} realm="api"`)
  const error_description = 'The caller must authenticate to introspect tokens'
  return reply.code(401).send({ error: 'invalid_client', error_description })
}

async function introspect(
  { authenticator, service }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<object> {
  try {
    rejectRepeatedParameters(request)
    const claims = await authenticator.verifyToken(requireParameter(request, 'token'))
    // Also if the mode of revocation is not `store`, because the caller asks for the current state.
    if (!(await service.get(claims.sid))) return INACTIVE
    // The client has sent its access token to the caller, which is a use like that of a guarded route.
    await authenticator.onAuthenticated(claims, request)
    return activeResponse(claims)
  } catch (error) {
    if (isPluginError(error) && INACTIVE_CODES.has(error.code)) return INACTIVE
    return sendOAuthError(reply, error)
  }
}

/** RFC 7662, section 2.2. `scope` must be a string there. */
function activeResponse({ scope, ...claims }: AccessTokenClaims): object {
  return { ...claims, ...(typeof scope === 'string' && { scope }), active: true, token_type: 'Bearer' }
}
