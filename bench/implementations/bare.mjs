import Fastify from 'fastify'
import { tokenResponse, userName } from './common.mjs'

/** As long as the access tokens of the other implementations. It is not checked. */
const TOKEN = 'x'.repeat(277)

/** A route without a guard, with one user: the cost of Fastify itself. */
export async function build() {
  const app = Fastify()
  app.post('/auth/login', async () => tokenResponse(TOKEN))
  app.get('/me', async () => ({ sub: userName(0) }))
  return app
}
