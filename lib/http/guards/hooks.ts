import type { FastifyRequest } from 'fastify'
import type { AuthHook, Authorize, RequireAuthentication } from '../../../types/fastify.js'
import type { RequiredAuthentication } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { type Allows, type Guards, toAllows, toRequirement } from './guards.js'

// The exported hooks look for the plugin when a request arrives. A route can therefore be added before the plugin is loaded,
// and a route without the plugin fails. `app.authenticate` is `undefined` there, which Fastify accepts as "no hook".

export type CheckOrigin = (request: FastifyRequest) => Promise<void>

/** What the hooks need of a registration. */
export interface RegisteredHooks {
  authenticate: Guards['authenticate']
  authorizeRequest: Guards['authorizeRequest']
  requireSufficient: Guards['requireSufficient']
  /** A resource server has none. */
  checkOrigin?: CheckOrigin
}

/** A global symbol, because the plugin and the hooks may come from the two builds of the package. */
const HOOKS = Symbol.for('fastify-refresh-token.hooks')

/** Lets the exported hooks find a registration in its scope and in the scopes below. */
export function decorateHooks(fastify: object, hooks: RegisteredHooks): void {
  Object.defineProperty(fastify, HOOKS, { value: hooks })
}

function hookOf<N extends keyof RegisteredHooks>(
  { server, method, routeOptions }: FastifyRequest,
  name: N
): NonNullable<RegisteredHooks[N]> {
  const hook = (server as { [HOOKS]?: RegisteredHooks })[HOOKS]?.[name]
  if (hook) return hook
  const cause = new Error(
    `no registration of the plugin with ${name} is in the scope of ${method} ${routeOptions.url}; register the plugin there, and wrap its file with fastify-plugin`
  )
  throw new errors.NotRegistered({ cause })
}

/**
 * Guards a route with the registration in its scope: verifies the access token and sets `request.user`. Otherwise the
 * response is a 401. Without a registration it is a 500.
 *
 * @example app.get('/me', { preHandler: authenticate }, async (request) => request.user)
 * @throws {FRT_ERR_NOT_REGISTERED} if the plugin is not registered in the scope of the route
 */
export const authenticate = (async (request: FastifyRequest) =>
  hookOf(request, 'authenticate')(request)) as AuthHook

/**
 * Returns a hook that must run after `authenticate`. Takes scopes or one function, like `app.authorize`.
 *
 * @example app.get('/orders', { preHandler: [authenticate, authorize('orders:read')] }, async () => [])
 * @throws {FRT_ERR_INVALID_OPTION} if there is no scope, or a scope is invalid
 */
export const authorize = ((...allowed: string[] | [Allows]) => {
  const allows = toAllows(allowed)
  return async (request: FastifyRequest) => hookOf(request, 'authorizeRequest')(request, allows)
}) as Authorize

/**
 * Returns a hook for step-up authentication that must run after `authenticate`, like `app.requireAuthentication`.
 *
 * @example app.delete('/account', { preHandler: [authenticate, requireAuthentication({ maxAge: '5m' })] }, closeAccount)
 * @throws {FRT_ERR_INVALID_OPTION} if the argument is invalid
 */
export const requireAuthentication = ((required: RequiredAuthentication) => {
  const requirement = toRequirement(required)
  return async (request: FastifyRequest) => hookOf(request, 'requireSufficient')(request, requirement)
}) as RequireAuthentication

/**
 * Guards a route against CSRF with the registration in its scope, like `app.checkOrigin`.
 * @throws {FRT_ERR_NOT_REGISTERED} if the plugin is not registered in the scope of the route
 */
export const checkOrigin = (async (request: FastifyRequest) =>
  hookOf(request, 'checkOrigin')(request)) as AuthHook
