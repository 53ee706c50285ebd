import { callerOf, type Handler, type RouteContext } from './context.js'
import { userOf } from './sessions.js'

/** `POST /auth/logout-all`: ends all sessions of the user, this one included. */
export function createLogoutAllHandler({ service, transport }: RouteContext): Handler {
  return async (request, reply) => {
    const revoked = await service.endAll(userOf(request).sub, 'logout', callerOf(request))
    transport.clear(request, reply)
    return { revoked }
  }
}
