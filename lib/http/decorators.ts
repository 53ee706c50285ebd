import type { FastifyInstance, FastifyReply } from 'fastify'
import type { AuthHook } from '../../types/fastify.js'
import type { Authentication, Identity } from '../../types/session.js'
import { createAppSessions } from './app-sessions.js'
import { recordError } from './error-headers.js'
import { decorateGuards } from './guards/guards.js'
import { type CheckOrigin, decorateHooks } from './guards/hooks.js'
import { startSession } from './routes/login.js'
import { revokePresentedSessions } from './routes/logout.js'
import { refreshSession } from './routes/refresh.js'
import { elevate, reissueAccessToken } from './routes/reissue.js'
import type { RouteContext } from './routes/route-context.js'
import { attachTokenNames } from './transport/token-names.js'

/** Adds the decorators of the plugin. Fastify throws if a name is already used. */
export function decorate(fastify: FastifyInstance, context: RouteContext): void {
  decorateGuards(fastify, context.guards)
  decorateHooks(fastify, { ...context.guards, checkOrigin: context.checkOrigin as CheckOrigin })
  fastify.decorate('sessions', attachTokenNames(createAppSessions(context, fastify.log), context.options))
  fastify.decorate('checkOrigin', context.checkOrigin as AuthHook)
  fastify.decorateReply('startSession', function (this: FastifyReply, identity: Identity) {
    return recordError(this.request, () => startSession(context, this.request, this, identity))
  })
  fastify.decorateReply('refreshSession', function (this: FastifyReply) {
    return recordError(this.request, () => refreshSession(context, this.request, this))
  })
  fastify.decorateReply('reissueAccessToken', function (this: FastifyReply) {
    return recordError(this.request, () => reissueAccessToken(context, this.request, this))
  })
  fastify.decorateReply('elevate', function (this: FastifyReply, authentication: Authentication) {
    return recordError(this.request, () => elevate(context, this.request, this, authentication))
  })
  fastify.decorateReply('endSession', function (this: FastifyReply) {
    return recordError(this.request, () => revokePresentedSessions(context, this.request, this))
  })
}
