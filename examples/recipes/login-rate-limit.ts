// Limits login attempts by IP address and by username. The counters are in the Redis that holds the sessions.
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type preHandlerAsyncHookHandler } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { type Credentials, credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const LIMITS = {
  byAddress: { max: 10, timeWindow: '1 minute' },
  /** An attacker can use up this limit and so block the user. Therefore the time window is short. */
  byUsername: { max: 5, timeWindow: '1 minute' }
}

export async function buildLoginRateLimit({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  // Behind a proxy, also set `trustProxy`. Otherwise all clients have the address of the proxy.
  const app = Fastify({ logger })

  // Without `skipOnError`, a login fails while Redis is unavailable. Otherwise an outage would allow unlimited attempts.
  await app.register(rateLimit, { global: false, redis, nameSpace: 'rate-limit:' })

  const countUsername = app.createRateLimit({
    ...LIMITS.byUsername,
    keyGenerator: ({ body }) => `login:${(body as Credentials).username.toLowerCase()}`
  })
  const limitUsername: preHandlerAsyncHookHandler = async (request, reply) => {
    const count = await countUsername(request)
    if (count.isAllowed || !count.isExceeded) return
    reply.code(429).header('retry-after', count.ttlInSeconds)
    throw new Error('Too many logins with this username. Try again later')
  }

  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: {
      login: {
        schema: { body: credentialsSchema },
        // This limit runs in `onRequest`, before the body is parsed. A registration of @fastify/rate-limit counts each
        // request only once, so the second limit is a separate hook.
        config: { rateLimit: LIMITS.byAddress },
        // This limit runs after the body was parsed and validated, because the body contains the username.
        preHandler: limitUsername
      }
    }
  })
  return app
}

await serveIfStarted(import.meta.url, buildLoginRateLimit)
