import type { FastifyInstance, onRequestHookHandler, RouteShorthandOptions } from 'fastify'
import { recordError } from '../error-headers.js'
import { IS_PUBLIC } from '../guards/guards.js'
import { schemesOf } from '../openapi/security-schemes.js'
import { createTransform, operationIdOf } from '../openapi/swagger-transform.js'
import { jwksRoute } from './jwks.js'
import { loginRoute } from './login.js'
import { logoutRoute } from './logout.js'
import { logoutAllRoute } from './logout-all.js'
import { addParsers, setCompilers, skipDocumentationOnly } from './plugin-scope.js'
import { refreshRoute } from './refresh.js'
import type { Route, RouteContext } from './route-context.js'
import { deleteRoute, listRoute } from './sessions.js'

type CreateRoute = (context: RouteContext) => Route

const ROUTES: readonly CreateRoute[] = [
  loginRoute,
  refreshRoute,
  logoutRoute,
  logoutAllRoute,
  listRoute,
  deleteRoute
]

/** No body of these routes needs more; the login's may be given more by its own options. */
const BODY_LIMIT = 16 * 1024

const NO_STORE = 'no-store'

/** How long others may keep the public keys, and how long after it was added a new one should wait to sign (docs/reference/keys.md). */
const JWKS_CACHE_CONTROL = 'public, max-age=300'

/** The routes of the plugin, in scopes of their own. */
export async function registerRoutes(fastify: FastifyInstance, context: RouteContext): Promise<void> {
  const { options, guards, checkOrigin } = context
  // A token that the app reads may have been sent by a browser unasked, as those in headers never are.
  const ofUsers = options.accessToken.read ? [checkOrigin, guards.authenticate] : [guards.authenticate]
  const gates = { public: [checkOrigin], user: ofUsers } as AccessHooks
  const swaggerTransform = createTransform(schemesOf(options))

  async function addRoutes(
    scope: FastifyInstance,
    routes: readonly CreateRoute[],
    cacheControl: string
  ): Promise<void> {
    await addParsers(scope)
    setCompilers(scope)
    // When it is sent, for an app's own hook may have refused the request before any of ours ran.
    scope.addHook('onSend', (_request, reply, _payload, done) => {
      reply.header('cache-control', reply.statusCode === 200 ? cacheControl : NO_STORE)
      done()
    })
    for (const create of routes) addRoute(scope, create(context), { gates, swaggerTransform })
  }

  await fastify.register((scope) => addRoutes(scope, ROUTES, NO_STORE), { prefix: options.routes.prefix })
  // A well-known address has no prefix (RFC 8615).
  await fastify.register((scope) => addRoutes(scope, [jwksRoute], JWKS_CACHE_CONTROL))
}

/** What each kind of route lets in; it runs before the app's own hooks. */
type AccessHooks = Record<Route['access'], onRequestHookHandler[]>

interface RouteSettings {
  gates: AccessHooks
  /** Read by `@fastify/swagger`, where the app has it. */
  swaggerTransform: ReturnType<typeof createTransform>
}

function addRoute(
  scope: FastifyInstance,
  { overrides, method, path, schema, access, handler }: Route,
  { gates, swaggerTransform }: RouteSettings
): void {
  if (overrides === false) return
  const operationId = operationIdOf(scope.prefix, schema.operationId)
  scope.route({
    bodyLimit: BODY_LIMIT,
    // Its compilers are typed for any kind of schema.
    ...(overrides as unknown as RouteShorthandOptions),
    method,
    url: path,
    schema: { ...schema, operationId, ...overrides.schema },
    config: { swaggerTransform, ...overrides.config, ...(access === 'public' && { [IS_PUBLIC]: true }) },
    ...(overrides.validatorCompiler && {
      validatorCompiler: skipDocumentationOnly(overrides.validatorCompiler)
    }),
    onRequest: [gates[access], overrides.onRequest ?? []].flat(),
    handler: (request, reply) => recordError(request, () => handler(request, reply))
  })
}
