// A page on https://app.example.com that calls this API on another host.
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const PAGE = 'https://app.example.com'

export async function buildCors({ secret, redis, logger = false }: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })

  // Before the plugin, so that its refusals carry the headers, too: without them the page reads none.
  await app.register(cors, {
    origin: PAGE,
    credentials: true,
    methods: ['GET', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after', 'www-authenticate']
  })

  // CORS says who may read the answer. Who may cause a login or a refresh is another question, asked here.
  await app.register(refreshToken, { secret, redis, login, csrf: { trustedOrigins: [PAGE] } })

  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  return app
}

await serveIfStarted(import.meta.url, buildCors)
