import Fastify from 'fastify'
import { tokenResponse } from './common.mjs'
import { mint, registerJwt } from './jwt.mjs'

/** `request.jwtVerify()`, then a GET that asks Redis whether the session was logged out. */
export async function build({ redis }) {
  const app = Fastify()
  await registerJwt(app)
  app.post('/auth/login', async (request) => tokenResponse(mint(app, request.body.username)))

  async function authenticate(request, reply) {
    await request.jwtVerify()
    if (await redis.get(`blacklist:${request.user.sid}`)) return reply.code(401).send()
  }
  app.get('/me', { preHandler: authenticate }, async (request) => ({ sub: request.user.sub }))
  return app
}
