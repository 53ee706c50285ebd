import type { FastifyBaseLogger } from 'fastify'
import type { Sessions } from '../../types/fastify.js'
import type { AccessTokenClaims, Tokens } from '../../types/session.js'
import { errors } from '../errors.js'
import { resolveSub } from '../sessions/identity.js'
import type { IssuedTokens } from '../sessions/issue-tokens.js'
import { refuseForeign } from '../tokens/presented-tokens.js'
import { isSid } from '../tokens/session-id.js'
import { carryHeaders } from './error-headers.js'
import type { RouteContext } from './routes/route-context.js'

/** `app.sessions`: the service, for code without a request. */
export function createSessions(
  {
    options,
    service,
    refreshTokens,
    rotation
  }: Pick<RouteContext, 'options' | 'service' | 'refreshTokens' | 'rotation'>,
  log: FastifyBaseLogger
): Sessions {
  const caller = { request: null, log }
  // Where the app decides by the request what confirms, there is none here to decide by.
  const confirms = options.refreshToken.confirms === undefined

  async function refresh(refreshToken: string): Promise<Tokens> {
    refuseForeign(refreshTokens, [String(refreshToken)])
    const token = refreshTokens.parse(String(refreshToken))
    if (!token) throw new errors.RefreshTokenInvalid()
    return toTokens(await service.refresh(token, caller))
  }

  async function verify(accessToken: string): Promise<AccessTokenClaims> {
    const claims = await service.verify(String(accessToken))
    if (confirms) service.confirm(claims)
    return claims
  }

  return {
    create: (identity) => carryHeaders(service.create(identity, caller).then(toTokens)),
    refresh: (refreshToken) => carryHeaders(refresh(refreshToken)),
    verify: (accessToken) => carryHeaders(verify(accessToken)),
    get: async (sid) => (isSid(sid) ? carryHeaders(service.get(sid)) : null),
    list: async (sub) => carryHeaders(service.list(resolveSub(sub, 'sub'))),
    revoke: async (sid) => isSid(sid) && carryHeaders(service.end(sid, 'revoked', caller)),
    revokeAll: async (sub, { except } = {}) =>
      carryHeaders(service.endAll(resolveSub(sub, 'sub'), 'revoked', caller, except)),
    rotateKeys: (keys) => rotation.rotate(keys)
  }
}

function toTokens({ isSameCopy: _, ...tokens }: IssuedTokens): Tokens {
  return tokens
}
