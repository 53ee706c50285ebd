import type { Session } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { isSid } from '../../tokens/session-id.js'
import { deleteSchema, listSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

const HOUR_MS = 60 * 60 * 1000

/** `GET /auth/sessions`: the user's list of devices. */
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
      return { sessions: sessions.map((session) => describe(session, sid)) }
    }
  }
}

/** `DELETE /auth/sessions/:id`: ends one of the user's own. */
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
      await service.revoke(session.sid, 'revoked', contextOf(request))
      return {}
    }
  }
}

/** Times of use to the hour: they tell a thief nothing of his victim's rhythm. */
function describe(session: Session, currentSid: string) {
  const { sid, createdAt, lastUsedAt, expiresAt, absoluteExpiresAt, metadata } = session
  // Not before the session began, which is told exactly.
  const lastUsedMs = Math.max(Math.floor(lastUsedAt.getTime() / HOUR_MS) * HOUR_MS, createdAt.getTime())
  const expiresMs = Math.min(Math.ceil(expiresAt.getTime() / HOUR_MS) * HOUR_MS, absoluteExpiresAt.getTime())
  return {
    id: sid,
    created_at: createdAt.toISOString(),
    last_used_at: new Date(lastUsedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
    current: sid === currentSid,
    metadata
  }
}
