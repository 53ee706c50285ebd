import Fastify from 'fastify'
import { tokenResponse } from './common.mjs'
import { createAccessToken, registerJwt } from './jwt.mjs'

export { createAccessToken }

/**
 * `@fastify/jwt` as documented: `await request.jwtVerify()`. A logout does not revoke access tokens.
 *
 * `cache` is the number of verified tokens that are cached.
 */
export async function build({ cache = false }) {
  const app = Fastify()
  await registerJwt(app, { cache })
  app.post('/auth/login', async (request) => tokenResponse(createAccessToken(app, request.body.username)))
  app.get('/me', { preHandler: async (request) => request.jwtVerify() }, async (request) => ({
    sub: request.user.sub
  }))
  return app
}
