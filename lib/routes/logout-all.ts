import { callerOf, type Route, type RouteContext, userOf } from './context.js'
import { logoutAllSchema } from './schemas.js'

/** `POST /auth/logout-all`: ends all sessions of the user, this one included. */
export function logoutAllRoute({ options, service, transport }: RouteContext): Route {
  return {
    overrides: options.routes.logoutAll,
    method: 'POST',
    path: '/logout-all',
    schema: logoutAllSchema,
    access: 'user',
    async handler(request, reply) {
      const revoked = await service.endAll(userOf(request).sub, 'logout', callerOf(request))
      transport.clear(request, reply)
      return { revoked }
    }
  }
}
