import type { FastifyBaseLogger } from 'fastify'
import type { Sessions } from '../types/fastify.js'
import type { Tokens } from '../types/identity.js'
import { errors } from './errors.js'
import type { RouteContext } from './routes/context.js'
import type { IssuedTokens } from './session-service.js'
import { isSid } from './tokens/refresh-token.js'

/** `app.sessions`: the service, for code without a request. */
export function createSessions(
  { options, service, refreshTokens }: Pick<RouteContext, 'options' | 'service' | 'refreshTokens'>,
  log: FastifyBaseLogger
): Sessions {
  const caller = { request: null, log }
  // Where the app decides by the request what confirms, there is none here to decide by.
  const confirms = options.refreshToken.confirms === undefined

  return {
    create: async (identity) => toTokens(await service.create(identity, caller)),

    async refresh(refreshToken) {
      const token = refreshTokens.parse(String(refreshToken))
      if (!token) throw new errors.RefreshTokenInvalid()
      return toTokens(await service.refresh(token, caller))
    },

    verify: (accessToken) => service.verify(accessToken, confirms),
    get: async (sid) => (isSid(sid) ? service.get(sid) : null),
    list: (sub) => service.list(sub),
    revoke: async (sid) => isSid(sid) && service.end(sid, 'revoked', caller),
    revokeAll: (sub, { except } = {}) => service.endAll(sub, 'revoked', caller, except)
  }
}

function toTokens({ isSameCopy: _, ...tokens }: IssuedTokens): Tokens {
  return tokens
}
