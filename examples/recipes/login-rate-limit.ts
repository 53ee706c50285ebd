// Guessing passwords is limited by address and by user name, on the Redis that holds the sessions.
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type preHandlerAsyncHookHandler } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { type Credentials, credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const LIMITS = {
  byAddress: { max: 10, timeWindow: '1 minute' },
  /** Whoever uses it up locks the user out as well: so the window is short. */
  byName: { max: 5, timeWindow: '1 minute' }
}

export async function buildLoginRateLimit({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  // Behind a proxy set `trustProxy`, too: without it everybody has the proxy's address.
  const app = Fastify({ logger })

  // It fails closed (no `skipOnError`): else a Redis that is down is a licence to guess.
  await app.register(rateLimit, { global: false, redis, nameSpace: 'rate-limit:' })

  const countName = app.createRateLimit({
    ...LIMITS.byName,
    keyGenerator: ({ body }) => `login:${(body as Credentials).username.toLowerCase()}`
  })
  const limitName: preHandlerAsyncHookHandler = async (request, reply) => {
    const count = await countName(request)
    if (count.isAllowed || !count.isExceeded) return
    reply.code(429).header('retry-after', count.ttlInSeconds)
    throw new Error('Too many logins of this name: try again later')
  }

  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: {
      login: {
        schema: { body: credentialsSchema },
        // In `onRequest`: a flood costs no parsing. One request is counted once by a registration of
        // @fastify/rate-limit, so that the second limit is a hook of our own,
        config: { rateLimit: LIMITS.byAddress },
        // and comes when the body, which has the name, was parsed and checked.
        preHandler: limitName
      }
    }
  })
  return app
}

await serveIfStarted(import.meta.url, buildLoginRateLimit)
