import type { FastifyInstance } from 'fastify'

export default async function me(fastify: FastifyInstance): Promise<void> {
  fastify.get('/', { preHandler: fastify.authenticate }, async (request) => request.user)
}
