import cluster from 'node:cluster'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FastifyRefreshTokenOptions } from '../types/options.js'
import type { SessionStore } from '../types/session-store.js'
import { createRequestProofs } from './http/binding/request-proofs.js'
import { decorate } from './http/decorators.js'
import { addErrorHeadersHook } from './http/error-headers.js'
import { createCsrfHook } from './http/guards/csrf.js'
import { createGuards } from './http/guards/guards.js'
import { createSessionAuthenticator } from './http/guards/session-authenticator.js'
import { warnAboutLateSwagger } from './http/openapi/late-swagger.js'
import { registerRoutes } from './http/routes/register-routes.js'
import { createRefreshTokenCookie } from './http/transport/cookie.js'
import { createTransport } from './http/transport/transport.js'
import { type Environment, optionWarnings } from './options/option-warnings.js'
import { addRegistration } from './options/registrations.js'
import { type ResolvedOptions, resolveOptions } from './options/resolve.js'
import { createComponents } from './sessions/components.js'
import { SessionService } from './sessions/session-service.js'
import { MemoryStore } from './store/memory/memory-store.js'
import { RedisStore } from './store/redis/redis-store.js'
import { createKeyRotation } from './tokens/key-rotation.js'
import { deriveKeys } from './tokens/keys/derived-keys.js'
import { createNonces } from './tokens/proof/nonces.js'
import { createRefreshTokenCodec } from './tokens/refresh-token.js'

/** Wires options → keys → store → service → HTTP. */
async function plugin(fastify: FastifyInstance, input: FastifyRefreshTokenOptions): Promise<void> {
  const { log } = fastify
  const options = resolveOptions(input)
  const reserveKeys = addRegistration(fastify, options)
  for (const warning of optionWarnings(options, environmentOf(fastify)))
    log.warn({ event: 'option_warning' }, warning)

  const derived = deriveKeys(options.secret, options.keyPrefix)
  const refreshTokens = createRefreshTokenCodec(derived)
  const rotation = await createKeyRotation({ options, derived, reserveKeys, log })
  const { accessTokens } = rotation

  const store = createStore(options)
  const components = createComponents({ options, store, log, refreshTokens, accessTokens })
  const service = new SessionService(components)
  const nonces = createNonces(derived)
  const proofs = createRequestProofs(options, nonces, components.keyBinding)

  const transport = createTransport(options, await createRefreshTokenCookie(fastify, options))
  const authenticator = createSessionAuthenticator(service, options)
  const guards = createGuards(authenticator)
  const checkOrigin = createCsrfHook(options)
  const tokens = { refreshTokens, accessTokens, rotation, transport, proofs }
  const context = { options, service, authenticator, guards, checkOrigin, ...tokens }

  decorate(fastify, context)
  addErrorHeadersHook(fastify)
  warnAboutLateSwagger(fastify)
  await registerRoutes(fastify, context)
  fastify.addHook('onReady', async () => service.open(log))
  fastify.addHook('onClose', async () => service.close())
}

function environmentOf({ prefix }: FastifyInstance): Environment {
  return {
    scopePrefix: prefix,
    isClusterWorker: cluster.isWorker,
    isProduction: process.env.NODE_ENV === 'production'
  }
}

/** Returns the application's own store, or a Redis store if there is a client, or a memory store. */
function createStore({
  store,
  redis,
  keyPrefix,
  reconnectOnFailover,
  storeTimeoutMs,
  durability: { replicas }
}: ResolvedOptions): SessionStore {
  if (store) return store
  if (!redis) return new MemoryStore()
  // Shorter than the request waits, so that its error names the reason.
  const replicaTimeoutMs = Math.ceil(0.8 * storeTimeoutMs)
  return new RedisStore({ redis, keyPrefix, replicas, replicaTimeoutMs, reconnectOnFailover })
}

/** Fastify plugin for login sessions: short-lived access tokens, rotating refresh tokens, reuse detection. */
export const fastifyRefreshToken = fp(plugin, { name: 'fastify-refresh-token', fastify: '^5.1.0' })
