// A page on which users name their devices and log them out. A log out of other devices requires a second factor.
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { servePage } from '../page/serve-page.js'
import { type RecipeOptions, serveIfStarted } from '../recipes/recipe.js'
import { credentialsSchema, login } from '../users.js'

export interface AccountOptions extends RecipeOptions {
  /** Your application checks the code of an authenticator app here, and accepts each code once. */
  isCodeOf?(sub: string, code: string): boolean | Promise<boolean>
}

const codeSchema = {
  type: 'object',
  required: ['code'],
  properties: { code: { type: 'string', pattern: '^[0-9]{6}$' } }
}

export async function buildAccount({
  secret,
  redis,
  logger = false,
  isCodeOf = (_sub, code) => code === '123456'
}: AccountOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(rateLimit, { global: false, redis, nameSpace: 'rate-limit:' })
  await app.register(refreshToken, {
    secret,
    redis,
    routes: {
      login: { schema: { body: credentialsSchema } },
      // For the routes that log out other devices. Without it, a stolen access token is enough for that.
      stepUp: { acr: 'otp', maxAge: '5m' }
    },
    async login(request) {
      const identity = await login(request)
      return identity && { ...identity, amr: ['pwd'] }
    }
  })

  app.post<{ Body: { code: string } }>(
    '/confirm-code',
    {
      // In `onRequest`, so that the limit is for each user.
      onRequest: authenticate,
      schema: { body: codeSchema },
      config: {
        // Otherwise an attacker with an access token could try all codes.
        rateLimit: {
          max: 5,
          timeWindow: '1 minute',
          hook: 'preHandler',
          keyGenerator: ({ user }) => `code:${user?.sub}`
        }
      }
    },
    async ({ user, body }, reply) => {
      if (!user || !(await isCodeOf(user.sub, body.code)))
        return reply.code(403).send({ message: 'The code is wrong.' })
      // The access token now has `acr` and a new `auth_time`, and so have those of the next refreshes.
      return reply.elevate({ acr: 'otp', amr: ['pwd', 'otp'] })
    }
  )

  await servePage(app, new URL('./public/', import.meta.url))
  return app
}

await serveIfStarted(import.meta.url, buildAccount)
