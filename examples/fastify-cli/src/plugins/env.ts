import env from '@fastify/env'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    config: {
      AUTH_SECRET: string
      REDIS_URL?: string
    }
  }
}

const schema = {
  type: 'object',
  required: ['AUTH_SECRET'],
  properties: {
    AUTH_SECRET: { type: 'string', minLength: 32 },
    REDIS_URL: { type: 'string' }
  }
}

export default fp(
  async (fastify) => {
    await fastify.register(env, { schema })
  },
  { name: 'env' }
)
