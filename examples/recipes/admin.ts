// An administrator revokes the sessions of a user. Within milliseconds, every process rejects the user's access tokens.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate, authorize } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export async function buildAdmin({ secret, redis, logger = false }: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: { login: { schema: { body: credentialsSchema } } },
    onLogout: ({ sub, sid, reason }) => app.log.info({ sub, sid, reason }, 'session revoked')
  })

  app.get('/me', { preHandler: authenticate }, async (request) => request.user)

  await app.register(
    async (admin) => {
      // These hooks guard all routes of this scope, including routes that are added later.
      admin.addHook('onRequest', authenticate)
      admin.addHook('onRequest', authorize('admin'))

      admin.get<{ Params: { sub: string } }>('/users/:sub/sessions', async ({ params }) => {
        const sessions = await app.sessions.list(params.sub)
        return sessions.map(({ sid, createdAt, metadata }) => ({ sid, createdAt, metadata }))
      })

      admin.delete<{ Params: { sub: string } }>('/users/:sub/sessions', async ({ params }) => ({
        revoked: await app.sessions.revokeAll(params.sub)
      }))

      admin.delete<{ Params: { sid: string } }>('/sessions/:sid', async ({ params }, reply) => {
        const revoked = await app.sessions.revoke(params.sid)
        return reply.code(revoked ? 204 : 404).send()
      })
    },
    { prefix: '/admin' }
  )
  return app
}

await serveIfStarted(import.meta.url, buildAdmin)
