import { contextOf } from '../../sessions/call-context.js'
import { logoutAllSchema } from '../openapi/route-schemas.js'
import type { Route, RouteContext } from './route-context.js'

/** `POST /auth/logout-all`: revokes all sessions of the user, including the current one. */
export function logoutAllRoute({ options, service, transport, guards }: RouteContext): Route {
  return {
    overrides: options.routes.logoutAll,
    method: 'POST',
    path: '/logout-all',
    schema: logoutAllSchema(options),
    access: 'user',
    async handler(request, reply) {
      const revoked = await service.revokeAll(guards.userOf(request).sub, 'logout', contextOf(request))
      transport.clear(request, reply)
      return { revoked }
    }
  }
}
