// TypeBox: a compiler for the whole app, a schema for the login, and types for a guarded route.
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { type Static, Type } from 'typebox'
import { identify } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

const Credentials = Type.Object({
  username: Type.String({ maxLength: 100 }),
  password: Type.String({ maxLength: 1000 })
})
const Note = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 100 }),
  stars: Type.Integer()
})

export async function buildTypebox({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  await app.register(refreshToken, {
    secret,
    redis,
    // A TypeBox schema is a JSON Schema, so the login needs no compiler of its own.
    routes: { login: { schema: { body: Credentials } } },
    login: (request) => identify(request.body as Static<typeof Credentials>)
  })

  app.post('/notes', { preHandler: authenticate, schema: { body: Note } }, async ({ body, user }) => ({
    text: body.text.trim(),
    stars: body.stars,
    by: user?.name ?? 'unknown'
  }))
  return app
}

await serveIfStarted(import.meta.url, buildTypebox)
