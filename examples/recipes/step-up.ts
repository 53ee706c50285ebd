// Before a dangerous action, the user must enter the password again if the last authentication is too old.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate, requireAuthentication } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

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

  // Rejects with 401 and a challenge (RFC 9470). A refresh does not change the time of the last authentication.
  const guard = [authenticate, requireAuthentication({ maxAge: '5m' })]
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
      // The session continues. Its access tokens have the current time as `auth_time` from now on.
      return reply.elevate({ amr: ['pwd'] })
    }
  )
  return app
}

await serveIfStarted(import.meta.url, buildStepUp)
