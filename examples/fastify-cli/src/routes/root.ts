import type { FastifyInstance } from 'fastify'

export default async function root(fastify: FastifyInstance): Promise<void> {
  fastify.get('/openapi.json', { schema: { hide: true } }, async () => fastify.swagger())
}
