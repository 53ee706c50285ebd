import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import refreshToken from 'fastify-refresh-token'
import { type Credentials, verifyPassword } from '../users.js'

declare module 'fastify-refresh-token' {
  /** The claims of the access token. */
  interface Claims {
    name?: string
  }
}

const body = {
  type: 'object',
  required: ['username', 'password'],
  properties: {
    username: { type: 'string', maxLength: 100 },
    password: { type: 'string', maxLength: 1000 }
  }
}

export default fp(
  async (fastify) => {
    await fastify.register(refreshToken, {
      secret: fastify.config.AUTH_SECRET,
      redis: fastify.redis,
      routes: { login: { schema: { body } } },
      async login(request: FastifyRequest<{ Body: Credentials }>) {
        const user = await verifyPassword(request.body)
        return user ? { sub: user.id, claims: { name: user.name } } : null
      }
    })
  },
  { name: 'auth', dependencies: ['env', 'redis', 'swagger'] }
)
