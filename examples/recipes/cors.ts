// A page on https://app.example.com calls this API on another host.
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export const PAGE = 'https://app.example.com'

export async function buildCors({ secret, redis, logger = false }: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })

  // Register CORS before the plugin, so that the plugin's error responses have the headers too. Without the headers, the
  // page cannot read them.
  await app.register(cors, {
    origin: PAGE,
    credentials: true,
    methods: ['GET', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'dpop'],
    exposedHeaders: ['retry-after', 'www-authenticate', 'dpop-nonce']
  })

  // CORS controls which pages can read a response. `trustedOrigins` controls which pages can log in or refresh.
  await app.register(refreshToken, { secret, redis, login, csrf: { trustedOrigins: [PAGE] } })

  app.get('/me', { preHandler: authenticate }, async (request) => request.user)
  return app
}

await serveIfStarted(import.meta.url, buildCors)
