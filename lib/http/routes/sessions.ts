import type { FastifyRequest } from 'fastify'
import type { Session } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { isDeviceName } from '../../sessions/identity.js'
import { isSid } from '../../tokens/session-id.js'
import { isObject } from '../../utils/checks.js'
import { deleteSchema, listSchema, renameSchema } from '../openapi/route-schemas.js'
import { sessionResponse } from '../session-response.js'
import type { Route, RouteContext } from './route-context.js'

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
      return { sessions: sessions.map((session) => sessionResponse(session, sid)) }
    }
  }
}

/** `PATCH /auth/sessions/:id`: gives one session of the user another device name. */
export function renameRoute(context: RouteContext): Route {
  const { options, service, guards } = context
  return {
    overrides: options.routes.sessions,
    method: 'PATCH',
    path: '/sessions/:id',
    schema: renameSchema(options),
    access: 'user',
    async handler(request) {
      const name = nameIn(request.body)
      const { sid } = await findSession(context, request)
      const session = await service.update(sid, { name })
      if (!session) throw new errors.SessionNotFound()
      return sessionResponse(session, guards.userOf(request).sid)
    }
  }
}

/** `DELETE /auth/sessions/:id`: revokes one session of the user. */
export function deleteRoute(context: RouteContext): Route {
  const { options, service } = context
  return {
    overrides: options.routes.sessions,
    method: 'DELETE',
    path: '/sessions/:id',
    schema: deleteSchema(options),
    access: 'user',
    requirement: options.routes.stepUp,
    async handler(request) {
      const { sid } = await findSession(context, request)
      await service.revoke([sid], 'revoked', contextOf(request))
      return {}
    }
  }
}

/** @throws {FRT_ERR_INVALID_NAME} */
function nameIn(body: unknown): string | null {
  const name = isObject(body) ? body.name : undefined
  if (name !== null && !isDeviceName(name)) throw new errors.InvalidName()
  return name
}

/** @throws {FRT_ERR_SESSION_NOT_FOUND} if the id in the path is not one of an active session of the user */
async function findSession({ service, guards }: RouteContext, request: FastifyRequest): Promise<Session> {
  const { id } = request.params as { id: string }
  const session = isSid(id) ? await service.get(id) : null
  if (session?.sub !== guards.userOf(request).sub) throw new errors.SessionNotFound()
  return session
}
