// Zod: compilers for the whole app, a schema for the login, and types for a guarded route.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { identify } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

const credentials = z.object({ username: z.string().max(100), password: z.string().max(1000) })
const note = z.object({ text: z.string().min(1).max(100), stars: z.number().int().default(0) })

export async function buildZod({ secret, redis, logger = false }: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  await app.register(refreshToken, {
    secret,
    redis,
    // The routes of the plugin use the compilers of Fastify. A route with a Zod schema needs its own compiler.
    routes: { login: { schema: { body: credentials }, validatorCompiler } },
    login: (request) => identify(request.body as z.infer<typeof credentials>)
  })

  app.post(
    '/notes',
    {
      preHandler: authenticate,
      schema: { body: note, response: { 200: note.extend({ by: z.string() }) } }
    },
    async ({ body, user }) => ({ text: body.text.trim(), stars: body.stars, by: user?.name ?? 'unknown' })
  )
  return app
}

await serveIfStarted(import.meta.url, buildZod)
