import type { FastifyInstance, FastifyReply } from 'fastify'
import type { AuthHook } from '../../types/fastify.js'
import type { Identity } from '../../types/session.js'
import { createSessions } from './app-sessions.js'
import { noteFailure } from './error-headers.js'
import { decorateGuards } from './guards/guards.js'
import { startSession } from './routes/login.js'
import { endSession } from './routes/logout.js'
import { refreshSession } from './routes/refresh.js'
import type { RouteContext } from './routes/route-context.js'
import { nameCarriers } from './transport/token-names.js'

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
