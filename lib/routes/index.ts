import type {
  FastifyInstance,
  FastifySchema,
  HTTPMethods,
  onRequestHookHandler,
  RouteShorthandOptions
} from 'fastify'
import type { RouteOverrides } from '../../types/options.js'
import { IS_PUBLIC } from '../authenticate.js'
import { noteFailure } from '../challenge.js'
import { createCsrfHook } from '../csrf.js'
import { setCompilers } from './compilers.js'
import type { Handler, RouteContext } from './context.js'
import { createLoginHandler } from './login.js'
import { createLogoutHandler } from './logout.js'
import { createLogoutAllHandler } from './logout-all.js'
import { addParsers } from './parsers.js'
import { createRefreshHandler } from './refresh.js'
import {
  deleteSchema,
  listSchema,
  loginSchema,
  logoutAllSchema,
  logoutSchema,
  refreshSchema
} from './schemas.js'
import { createDeleteHandler, createListHandler } from './sessions.js'

/** No body of these routes needs more; the login's may be given more by its own options. */
const BODY_LIMIT = 16 * 1024

interface Route {
  overrides: RouteOverrides | false
  method: HTTPMethods
  path: string
  schema: FastifySchema
  /** Runs before the app's own hooks: the cross-origin check where a token is optional, else the guard. */
  guard: onRequestHookHandler
  isPublic: boolean
  handler: Handler
}

/** The routes of the plugin, in a scope of their own. */
export async function registerRoutes(fastify: FastifyInstance, context: RouteContext): Promise<void> {
  const { options, guards } = context
  const { prefix, login, refresh, logout, logoutAll, sessions } = options.routes
  const open = { guard: createCsrfHook(options) as onRequestHookHandler, isPublic: true }
  const guarded = { guard: guards.authenticate as onRequestHookHandler, isPublic: false }

  const routes: Route[] = [
    {
      ...open,
      overrides: login,
      method: 'POST',
      path: '/login',
      schema: loginSchema,
      handler: createLoginHandler(context)
    },
    {
      ...open,
      overrides: refresh,
      method: 'POST',
      path: '/refresh',
      schema: refreshSchema,
      handler: createRefreshHandler(context)
    },
    {
      ...open,
      overrides: logout,
      method: 'POST',
      path: '/logout',
      schema: logoutSchema,
      handler: createLogoutHandler(context)
    },
    {
      ...guarded,
      overrides: logoutAll,
      method: 'POST',
      path: '/logout-all',
      schema: logoutAllSchema,
      handler: createLogoutAllHandler(context)
    },
    {
      ...guarded,
      overrides: sessions,
      method: 'GET',
      path: '/sessions',
      schema: listSchema,
      handler: createListHandler(context)
    },
    {
      ...guarded,
      overrides: sessions,
      method: 'DELETE',
      path: '/sessions/:id',
      schema: deleteSchema,
      handler: createDeleteHandler(context)
    }
  ]

  await fastify.register(
    async (scope) => {
      await addParsers(scope)
      setCompilers(scope)
      // When it is sent, for an app's own hook may have refused the request before any of ours ran.
      scope.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('cache-control', 'no-store')
        done()
      })
      for (const route of routes) addRoute(scope, route)
    },
    { prefix }
  )
}

function addRoute(
  scope: FastifyInstance,
  { overrides, method, path, schema, guard, isPublic, handler }: Route
): void {
  if (overrides === false) return
  scope.route({
    bodyLimit: BODY_LIMIT,
    // Its compilers are typed for any kind of schema.
    ...(overrides as unknown as RouteShorthandOptions),
    method,
    url: path,
    schema: { ...schema, ...overrides.schema },
    config: { ...overrides.config, ...(isPublic && { [IS_PUBLIC]: true }) },
    onRequest: [guard, overrides.onRequest ?? []].flat(),
    handler: (request, reply) => noteFailure(request, handler(request, reply))
  })
}
