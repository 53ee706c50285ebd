import Fastify from 'fastify'
import { tokenResponse } from './common.mjs'
import { createAccessToken, registerJwt } from './jwt.mjs'

/** `request.jwtVerify()` with one Redis GET per request, which checks whether the session is revoked. */
export async function build({ redis, keyPrefix = '' }) {
  const app = Fastify()
  await registerJwt(app)
  app.post('/auth/login', async (request) => tokenResponse(createAccessToken(app, request.body.username)))

  async function authenticate(request, reply) {
    await request.jwtVerify()
    if (await redis.get(`${keyPrefix}denylist:${request.user.sid}`)) return reply.code(401).send()
  }
  app.get('/me', { preHandler: authenticate }, async (request) => ({ sub: request.user.sub }))
  return app
}
