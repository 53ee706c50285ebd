import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FastifyRefreshTokenOptions } from '../types/options.js'
import { createGuards } from './authenticate.js'
import { addChallengeHook } from './challenge.js'
import { createRefreshTokenCookie } from './cookies.js'
import { createStore } from './create-store.js'
import { createCsrfHook } from './csrf.js'
import { decorate } from './decorate.js'
import { createGate } from './gate.js'
import { claim } from './instances.js'
import { createKeyRotation } from './key-rotation.js'
import { resolveOptions } from './options/resolve.js'
import { registerRoutes } from './routes/index.js'
import { createParts } from './service/parts.js'
import { SessionService } from './session-service.js'
import { deriveKeys } from './tokens/keys.js'
import { createRefreshTokenCodec } from './tokens/refresh-token.js'
import { createTransport } from './transport.js'

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
export default fastifyRefreshToken

export type * from '../types/index.js'
export { type ErrorCode, errorCodes } from './errors.js'
export { resourceServer } from './resource-server.js'
export { type SecurityScheme, type SecuritySchemes, securitySchemes } from './security-schemes.js'
export { MemoryStore, type MemoryStoreOptions } from './store/memory-store.js'
export { RedisStore, type RedisStoreOptions } from './store/redis/redis-store.js'
export type { RedisClient } from './store/redis/run-script.js'
export type { FeedEvent, FeedSettings, Revocation, RevocationFeed } from './store/revocation-feed.js'
export type * from './store/session-store.js'
