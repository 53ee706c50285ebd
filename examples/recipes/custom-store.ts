// A custom store keeps the sessions in a file (SESSIONS_FILE), so that they survive a restart.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { JournalStore } from './journal-store.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export async function buildCustomStore(
  { secret, logger = false }: RecipeOptions,
  file: string
): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    store: new JournalStore(file),
    login,
    routes: { login: { schema: { body: credentialsSchema } } }
  })

  app.get('/me', { preHandler: authenticate }, async (request) => request.user)
  return app
}

await serveIfStarted(import.meta.url, (options) =>
  buildCustomStore(options, process.env.SESSIONS_FILE ?? 'sessions.jsonl')
)
