import Fastify from 'fastify'
import { tokenResponse, userName } from './common.mjs'

/** As long as the access tokens of the others, which nobody reads here. */
const TOKEN = 'x'.repeat(277)

/** A route without any guard: what Fastify itself costs. It knows one user. */
export async function build() {
  const app = Fastify()
  app.post('/auth/login', async () => tokenResponse(TOKEN))
  app.get('/me', async () => ({ sub: userName(0) }))
  return app
}
