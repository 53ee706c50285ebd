import redis from '@fastify/redis'
import fp from 'fastify-plugin'

export default fp(
  async (fastify) => {
    const { REDIS_URL } = fastify.config
    // Without a URL there is no app.redis, and the sessions are in memory.
    if (REDIS_URL) await fastify.register(redis, { url: REDIS_URL })
  },
  { name: 'redis', dependencies: ['env'] }
)
