import type { Session } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { isSid } from '../../tokens/session-id.js'
import { deleteSchema, listSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

const HOUR_MS = 60 * 60 * 1000

/** `GET /auth/sessions`: returns the active sessions of the user. */
export function listRoute({ options, service, guards }: RouteContext): Route {
  return {
    overrides: options.routes.sessions,
    method: 'GET',
    path: '/sessions',
    schema: listSchema,
    access: 'user',
    async handler(request) {
      const { sub, sid } = guards.userOf(request)
      const sessions = await service.list(sub)
      return { sessions: sessions.map((session) => toResponse(session, sid)) }
    }
  }
}

/** `DELETE /auth/sessions/:id`: revokes one session of the user. */
export function deleteRoute({ options, service, guards }: RouteContext): Route {
  return {
    overrides: options.routes.sessions,
    method: 'DELETE',
    path: '/sessions/:id',
    schema: deleteSchema(options),
    access: 'user',
    async handler(request) {
      const { id } = request.params as { id: string }
      const session = isSid(id) ? await service.get(id) : null
      if (session?.sub !== guards.userOf(request).sub) throw new errors.SessionNotFound()
      await service.revoke([session.sid], 'revoked', contextOf(request))
      return {}
    }
  }
}

/** Rounds the times of use to the hour, so that an attacker with an access token cannot observe the user's activity. */
function toResponse(session: Session, currentSid: string) {
  const { sid, createdAt, lastUsedAt, expiresAt, absoluteExpiresAt, jkt, metadata } = session
  // Not before `created_at`, which is exact.
  const lastUsedMs = Math.max(Math.floor(lastUsedAt.getTime() / HOUR_MS) * HOUR_MS, createdAt.getTime())
  const expiresMs = Math.min(Math.ceil(expiresAt.getTime() / HOUR_MS) * HOUR_MS, absoluteExpiresAt.getTime())
  return {
    id: sid,
    created_at: createdAt.toISOString(),
    last_used_at: new Date(lastUsedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
    current: sid === currentSid,
    // A custom store may not return it.
    bound: Boolean(jkt),
    metadata
  }
}
