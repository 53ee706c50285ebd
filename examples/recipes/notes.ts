// A small app. `notes.test.ts` shows how to test it.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate, authorize, type SessionStore } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export interface NotesOptions extends RecipeOptions {
  /** A test can pass its own store. */
  store?: SessionStore
}

export async function buildNotes({
  secret,
  redis,
  store,
  logger = false
}: NotesOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    redis,
    store,
    login,
    routes: { login: { schema: { body: credentialsSchema } } }
  })

  await app.register(async (notes) => {
    notes.addHook('onRequest', authenticate)
    const all: { by: string; text: string }[] = []
    notes.get('/notes', async ({ user }) => all.filter(({ by }) => by === user?.sub).map(({ text }) => text))
    notes.post<{ Body: { text: string } }>('/notes', async ({ user, body }, reply) => {
      if (user) all.push({ by: user.sub, text: body.text })
      return reply.code(201).send()
    })
    notes.delete('/notes', { onRequest: authorize('admin') }, async (_request, reply) => {
      all.length = 0
      return reply.code(204).send()
    })
  })
  return app
}

await serveIfStarted(import.meta.url, buildNotes)
