// Before a dangerous action the user has to give the password again, if he last gave it a while ago.
import Fastify, { type FastifyInstance, type preHandlerAsyncHookHandler } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const MAX_AGE_SECONDS = 5 * 60

/** A hook to put after `authenticate`: it answers as RFC 9470 says. */
function requireLoginWithin(maxAgeSeconds: number): preHandlerAsyncHookHandler {
  const challenge = `Bearer error="insufficient_user_authentication", max_age="${maxAgeSeconds}"`
  return async ({ user }, reply) => {
    // Of the login, not of the token: no refresh makes it younger.
    const ageSeconds = Date.now() / 1000 - (user?.auth_time ?? 0)
    if (ageSeconds <= maxAgeSeconds) return
    reply.code(401).header('www-authenticate', challenge)
    throw Object.assign(new Error('Log in again to do this'), { code: 'LOGIN_TOO_OLD' })
  }
}

export async function buildStepUp({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: { login: { schema: { body: credentialsSchema } } }
  })

  app.get('/account', { preHandler: app.authenticate }, async (request) => request.user)

  const guard = [app.authenticate, requireLoginWithin(MAX_AGE_SECONDS)]
  app.delete('/account', { preHandler: guard }, async ({ user }) => ({ deleted: user?.sub }))

  app.post(
    '/confirm-password',
    { preHandler: app.authenticate, schema: { body: credentialsSchema } },
    async (request, reply) => {
      const identity = await login(request)
      // Somebody else's good password is no proof of who this is.
      if (!identity || identity.sub !== request.user?.sub) {
        return reply.code(403).send({ message: 'That is not it' })
      }
      // A new session, whose `auth_time` is now. It takes the place of the old one, which ends.
      return reply.startSession(identity)
    }
  )
  return app
}

await serveIfStarted(import.meta.url, buildStepUp)
