import type { FastifyBaseLogger } from 'fastify'
import type { Sessions } from '../../types/fastify.js'
import type { AccessTokenClaims, Tokens } from '../../types/session.js'
import { errors } from '../errors.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { resolveSub, resolveUpdate } from '../sessions/identity.js'
import type { IssuedTokens } from '../sessions/issue-tokens.js'
import type { SessionService } from '../sessions/session-service.js'
import type { KeyRotation } from '../tokens/key-rotation.js'
import { parseTokens, rejectUnsupportedVersions } from '../tokens/presented-tokens.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'
import { isSid } from '../tokens/session-id.js'
import { withErrorHeaders } from './error-headers.js'

interface AppSessionsDependencies {
  options: Pick<ResolvedOptions, 'refreshToken'>
  service: SessionService
  refreshTokens: RefreshTokenCodec
  rotation: KeyRotation
}

/** Creates `app.sessions`: the session service for code without a request. */
export function createAppSessions(
  { options, service, refreshTokens, rotation }: AppSessionsDependencies,
  log: FastifyBaseLogger
): Sessions {
  const context = { request: null, log }
  // `refreshToken.confirms` decides by the request. Here there is none, so the call does not confirm.
  const confirms = options.refreshToken.confirms === undefined

  async function refresh(refreshToken: string): Promise<Tokens> {
    const { valid, others } = parseTokens(refreshTokens, [String(refreshToken)])
    rejectUnsupportedVersions(refreshTokens, others)
    const [token] = valid
    if (!token) throw new errors.RefreshTokenInvalid()
    return toTokens(await service.refresh(token, context))
  }

  async function verify(accessToken: string): Promise<AccessTokenClaims> {
    const claims = await service.verify(String(accessToken))
    if (confirms) service.confirm(claims)
    return claims
  }

  async function revoke(sid: string): Promise<boolean> {
    return (await service.revoke([sid], 'revoked', context)) === 1
  }

  return {
    create: (identity) => withErrorHeaders(service.create(identity, context).then(toTokens)),
    refresh: (refreshToken) => withErrorHeaders(refresh(refreshToken)),
    verify: (accessToken) => withErrorHeaders(verify(accessToken)),
    get: async (sid) => (isSid(sid) ? withErrorHeaders(service.get(sid)) : null),
    list: async (sub) => withErrorHeaders(service.list(resolveSub(sub, 'sub'))),
    update: async (sid, change) => {
      const resolved = resolveUpdate(change)
      return isSid(sid) ? withErrorHeaders(service.update(sid, resolved)) : null
    },
    revoke: async (sid) => isSid(sid) && withErrorHeaders(revoke(sid)),
    revokeAll: async (sub, { except } = {}) =>
      withErrorHeaders(service.revokeAll(resolveSub(sub, 'sub'), 'revoked', context, except)),
    rotateKeys: (keys) => rotation.rotate(keys)
  }
}

function toTokens({ isUnchanged: _, claims: __, ...tokens }: IssuedTokens): Tokens {
  return tokens
}
