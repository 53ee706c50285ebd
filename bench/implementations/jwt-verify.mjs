import Fastify from 'fastify'
import { tokenResponse } from './common.mjs'
import { mint, registerJwt } from './jwt.mjs'

export { mint }

/**
 * `@fastify/jwt` as its README has it: `await request.jwtVerify()`. No logout reaches its tokens.
 * With `cache` the verifier remembers that many tokens.
 */
export async function build({ cache = false }) {
  const app = Fastify()
  await registerJwt(app, { cache })
  app.post('/auth/login', async (request) => tokenResponse(mint(app, request.body.username)))
  app.get('/me', { preHandler: async (request) => request.jwtVerify() }, async (request) => ({
    sub: request.user.sub
  }))
  return app
}
