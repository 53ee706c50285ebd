import { contextOf } from '../../sessions/call-context.js'
import { logoutAllSchema, logoutOthersSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

/** `POST /auth/logout-all`: revokes all sessions of the user, including the current one. */
export function logoutAllRoute({ options, service, transport, guards }: RouteContext): Route {
  return {
    overrides: options.routes.logoutAll,
    method: 'POST',
    path: '/logout-all',
    schema: logoutAllSchema(options),
    access: 'user',
    requirement: options.routes.stepUp,
    async handler(request, reply) {
      const revoked = await service.revokeAll(guards.userOf(request).sub, 'logout', contextOf(request))
      transport.clear(request, reply)
      return { revoked }
    }
  }
}

/** `POST /auth/logout-others`: revokes the other sessions of the user. */
export function logoutOthersRoute({ options, service, guards }: RouteContext): Route {
  return {
    overrides: options.routes.logoutOthers,
    method: 'POST',
    path: '/logout-others',
    schema: logoutOthersSchema(options),
    access: 'user',
    requirement: options.routes.stepUp,
    async handler(request) {
      const { sub, sid } = guards.userOf(request)
      return { revoked: await service.revokeAll(sub, 'logout', contextOf(request), sid) }
    }
  }
}
