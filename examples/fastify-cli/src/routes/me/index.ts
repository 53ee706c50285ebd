import type { FastifyInstance } from 'fastify'
import { authenticate } from 'fastify-refresh-token'

export default async function me(fastify: FastifyInstance): Promise<void> {
  fastify.get('/', { preHandler: authenticate }, async (request) => request.user)
}
