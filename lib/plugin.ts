import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FastifyRefreshTokenOptions } from '../types/options.js'
import type { SessionStore } from '../types/session-store.js'
import { decorate } from './http/decorators.js'
import { addChallengeHook } from './http/error-headers.js'
import { createCsrfHook } from './http/guards/csrf.js'
import { createGuards } from './http/guards/guards.js'
import { createGate } from './http/guards/session-authenticator.js'
import { registerRoutes } from './http/routes/register-routes.js'
import { createRefreshTokenCookie } from './http/transport/cookie.js'
import { createTransport } from './http/transport/transport.js'
import { claim } from './options/registrations.js'
import type { ResolvedOptions } from './options/resolve.js'
import { resolveOptions } from './options/resolve.js'
import { createParts } from './sessions/components.js'
import { SessionService } from './sessions/session-service.js'
import { MemoryStore } from './store/memory/memory-store.js'
import { RedisStore } from './store/redis/redis-store.js'
import { createKeyRotation } from './tokens/key-rotation.js'
import { deriveKeys } from './tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from './tokens/refresh-token.js'

/** The user's own store, else Redis where a client was given, else memory. */
export function createStore({
  store,
  redis,
  keyPrefix,
  storeTimeoutMs,
  revocation: { replicas }
}: Pick<ResolvedOptions, 'store' | 'redis' | 'keyPrefix' | 'storeTimeoutMs' | 'revocation'>): SessionStore {
  if (store) return store
  if (!redis) return new MemoryStore()
  return new RedisStore({ redis, keyPrefix, replicas, replicaTimeoutMs: storeTimeoutMs })
}

async function plugin(fastify: FastifyInstance, given: FastifyRefreshTokenOptions): Promise<void> {
  const options = resolveOptions(given)
  const claimKeys = claim(fastify, options)

  const derived = deriveKeys(options.secret, options.keyPrefix)
  const refreshTokens = createRefreshTokenCodec(derived)
  const rotation = await createKeyRotation({ options, derived, claimKeys, log: fastify.log })
  const { accessTokens } = rotation
  const transport = createTransport(options, await createRefreshTokenCookie(fastify, options.cookie))

  const store = createStore(options)
  const service = new SessionService(
    createParts({ options, store, log: fastify.log, refreshTokens, accessTokens })
  )
  const guards = createGuards(createGate(service, options))
  const checkOrigin = createCsrfHook(options)
  const tokens = { refreshTokens, accessTokens, rotation, transport }
  const context = { options, service, guards, checkOrigin, ...tokens }

  decorate(fastify, context)
  addChallengeHook(fastify)
  await registerRoutes(fastify, context)
  fastify.addHook('onReady', async () => service.open(fastify.log))
  fastify.addHook('onClose', async () => service.close())
}

/** Logins that last: access tokens that are short-lived, refresh tokens that rotate, thefts that are found out. */
export const fastifyRefreshToken = fp(plugin, { name: 'fastify-refresh-token', fastify: '^5.1.0' })
