// Before a dangerous action, the user must enter the password again if the last login is too old.
import Fastify, { type FastifyInstance, type preHandlerAsyncHookHandler } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const MAX_AGE_SECONDS = 5 * 60

/** Creates a hook that runs after `authenticate`. It rejects a request as RFC 9470 defines. */
function requireLoginWithin(maxAgeSeconds: number): preHandlerAsyncHookHandler {
  const challenge = `Bearer error="insufficient_user_authentication", max_age="${maxAgeSeconds}"`
  return async ({ user }, reply) => {
    // `auth_time` is the time of the login. A refresh does not change it.
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

  app.get('/account', { preHandler: authenticate }, async (request) => request.user)

  const guard = [authenticate, requireLoginWithin(MAX_AGE_SECONDS)]
  app.delete('/account', { preHandler: guard }, async ({ user }) => ({ deleted: user?.sub }))

  app.post(
    '/confirm-password',
    { preHandler: authenticate, schema: { body: credentialsSchema } },
    async (request, reply) => {
      const identity = await login(request)
      // The correct password of another user does not prove who this user is.
      if (!identity || identity.sub !== request.user?.sub) {
        return reply.code(403).send({ message: 'The credentials are invalid' })
      }
      // The new session has the current time as `auth_time`. It replaces the old session, which is revoked.
      return reply.startSession(identity)
    }
  )
  return app
}

await serveIfStarted(import.meta.url, buildStepUp)
