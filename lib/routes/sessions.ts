import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims, Session } from '../../types/identity.js'
import { errors } from '../errors.js'
import { isSid } from '../tokens/refresh-token.js'
import { callerOf, type Handler, type RouteContext } from './context.js'

const HOUR_MS = 60 * 60 * 1000

/** `GET /auth/sessions`: the user's list of devices. */
export function createListHandler({ service }: RouteContext): Handler {
  return async (request) => {
    const { sub, sid } = userOf(request)
    const sessions = await service.list(sub)
    return { sessions: sessions.map((session) => describe(session, sid)) }
  }
}

/** `DELETE /auth/sessions/:id`: ends one of the user's own. */
export function createDeleteHandler({ service }: RouteContext): Handler {
  return async (request) => {
    const { id } = request.params as { id: string }
    const session = isSid(id) ? await service.get(id) : null
    if (session?.sub !== userOf(request).sub) throw new errors.SessionNotFound()
    await service.end(session.sid, 'revoked', callerOf(request))
    return {}
  }
}

/** Whom the guard let in. */
export function userOf(request: FastifyRequest): AccessTokenClaims {
  if (request.user === null) throw new errors.NoAccessToken()
  return request.user
}

/** Times of use to the hour: they tell a thief nothing of his victim's rhythm. */
function describe(session: Session, currentSid: string) {
  const { sid, createdAt, lastUsedAt, expiresAt, endsAt, metadata } = session
  const lastUsedMs = Math.floor(lastUsedAt.getTime() / HOUR_MS) * HOUR_MS
  const expiresMs = Math.min(Math.ceil(expiresAt.getTime() / HOUR_MS) * HOUR_MS, endsAt.getTime())
  return {
    id: sid,
    created_at: createdAt.toISOString(),
    last_used_at: new Date(lastUsedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
    current: sid === currentSid,
    metadata
  }
}
