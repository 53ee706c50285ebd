import type { FastifyInstance, FastifyRequest, onRequestHookHandler, RouteShorthandOptions } from 'fastify'
import { recordError } from '../error-headers.js'
import { type Guards, IS_PUBLIC } from '../guards/guards.js'
import { schemesOf } from '../openapi/security-schemes.js'
import { createTransform, operationIdOf } from '../openapi/swagger-transform.js'
import { isTokenForgeable } from '../transport/transport.js'
import { createErrorHandler } from './error-handler.js'
import { introspectRoute } from './introspect.js'
import { jwksRoute } from './jwks.js'
import { loginRoute } from './login.js'
import { logoutRoute } from './logout.js'
import { logoutAllRoute, logoutOthersRoute } from './logout-all.js'
import { addParsers, setCompilers, skipDocumentationOnly } from './plugin-scope.js'
import { refreshRoute } from './refresh.js'
import type { Route, RouteContext } from './route-context.js'
import { serverMetadataRoute } from './server-metadata.js'
import { deleteRoute, listRoute, renameRoute } from './sessions.js'

type CreateRoute = (context: RouteContext) => Route

const ROUTES: readonly CreateRoute[] = [
  loginRoute,
  refreshRoute,
  logoutRoute,
  logoutAllRoute,
  logoutOthersRoute,
  listRoute,
  renameRoute,
  deleteRoute,
  introspectRoute
]

/** 16 kB. The application can raise it with the route option `bodyLimit`. */
const BODY_LIMIT = 16 * 1024

const NO_STORE = 'no-store'

/**
 * How long clients may cache the public keys and the server metadata. A new key should not sign before this time
 * (docs/reference/keys.md).
 */
const WELL_KNOWN_CACHE_CONTROL = 'public, max-age=300'

/** Registers the routes of the plugin, each group in its own scope. */
export async function registerRoutes(fastify: FastifyInstance, context: RouteContext): Promise<void> {
  const { options, guards, checkOrigin } = context
  // A browser sends a cookie that `read` reads automatically. It never does that with a token in a header.
  const userHooks = options.accessToken.read ? [checkOrigin, guards.authenticate] : [guards.authenticate]
  const tokenHooks = isTokenForgeable(options) ? [checkOrigin] : []
  const accessHooks = { public: [checkOrigin], token: tokenHooks, user: userHooks } as AccessHooks
  const settings = {
    accessHooks,
    requireSufficient: guards.requireSufficient,
    swaggerTransform: createTransform(schemesOf(options)),
    errorHandler: createErrorHandler(fastify)
  }

  async function addRoutes(
    scope: FastifyInstance,
    routes: readonly CreateRoute[],
    cacheControl: string
  ): Promise<void> {
    await addParsers(scope)
    setCompilers(scope)
    // In `onSend`, because a hook of the application may reject the request before the plugin's hooks run.
    scope.addHook('onSend', (_request, reply, _payload, done) => {
      reply.header('cache-control', reply.statusCode === 200 ? cacheControl : NO_STORE)
      done()
    })
    for (const create of routes) addRoute(scope, create(context), settings)
  }

  await fastify.register((scope) => addRoutes(scope, ROUTES, NO_STORE), { prefix: options.routes.prefix })
  // A well-known URI has no prefix (RFC 8615).
  const wellKnown = [jwksRoute, (each: RouteContext) => serverMetadataRoute(each, fastify.prefix)]
  await fastify.register((scope) => addRoutes(scope, wellKnown, WELL_KNOWN_CACHE_CONTROL))
}

/** The hooks of each kind of route. They run before the hooks of the application. */
type AccessHooks = Record<Route['access'], onRequestHookHandler[]>

interface RouteSettings {
  accessHooks: AccessHooks
  requireSufficient: Guards['requireSufficient']
  /** Used by `@fastify/swagger` if the application registers it. */
  swaggerTransform: ReturnType<typeof createTransform>
  errorHandler: ReturnType<typeof createErrorHandler>
}

function addRoute(
  scope: FastifyInstance,
  { overrides, method, path, schema, access, requirement, handler }: Route,
  { accessHooks, requireSufficient, swaggerTransform, errorHandler }: RouteSettings
): void {
  if (overrides === false) return
  const stepUp = requirement
    ? [async (request: FastifyRequest) => requireSufficient(request, requirement)]
    : []
  const operationId = operationIdOf(scope.prefix, schema.operationId)
  scope.route({
    bodyLimit: BODY_LIMIT,
    errorHandler,
    // The compilers in `RouteOverrides` accept any kind of schema, unlike the type of Fastify.
    ...(overrides as unknown as RouteShorthandOptions),
    method,
    url: path,
    schema: { ...schema, operationId, ...overrides.schema },
    config: { swaggerTransform, ...overrides.config, ...(access !== 'user' && { [IS_PUBLIC]: true }) },
    ...(overrides.validatorCompiler && {
      validatorCompiler: skipDocumentationOnly(overrides.validatorCompiler)
    }),
    onRequest: [accessHooks[access], stepUp, overrides.onRequest ?? []].flat(),
    handler: (request, reply) => recordError(request, () => handler(request, reply))
  })
}
