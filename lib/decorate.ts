import type { FastifyInstance, FastifyReply } from 'fastify'
import type { AuthHook } from '../types/fastify.js'
import type { Identity } from '../types/identity.js'
import type { Guards } from './authenticate.js'
import { nameCarriers } from './carriers.js'
import { noteFailure } from './challenge.js'
import type { RouteContext } from './routes/context.js'
import { startSession } from './routes/login.js'
import { endSession } from './routes/logout.js'
import { refreshSession } from './routes/refresh.js'
import { createSessions } from './sessions-api.js'

/** What the plugin adds to the app. A name that is taken is Fastify's own clear error. */
export function decorate(fastify: FastifyInstance, context: RouteContext): void {
  decorateGuards(fastify, context.guards)
  fastify.decorate('sessions', nameCarriers(createSessions(context, fastify.log), context.options))
  fastify.decorate('checkOrigin', context.checkOrigin as AuthHook)
  fastify.decorateReply('startSession', function (this: FastifyReply, identity: Identity) {
    return noteFailure(this.request, () => startSession(context, this.request, this, identity))
  })
  fastify.decorateReply('refreshSession', function (this: FastifyReply) {
    return noteFailure(this.request, () => refreshSession(context, this.request, this))
  })
  fastify.decorateReply('endSession', function (this: FastifyReply) {
    return noteFailure(this.request, () => endSession(context, this.request, this))
  })
}

/** What guards routes, here and on a resource server. */
export function decorateGuards(fastify: FastifyInstance, guards: Guards): void {
  fastify.decorate('authenticate', guards.authenticate as AuthHook)
  fastify.decorate('authorize', guards.authorize as FastifyInstance['authorize'])
  // `@fastify/jwt`, where the app has it, made the same decorator: there is one user.
  if (!fastify.hasRequestDecorator('user')) fastify.decorateRequest('user', null)
  fastify.decorateRequest(guards.userKey, null)
  fastify.decorateRequest('authenticate', guards.authenticateRequest as never)
}
