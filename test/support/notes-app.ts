import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from './build-app.js'

/** Builds the server that the code of docs/guides/react.md calls. Its password is `right`. */
export async function buildNotesApp(t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    login(request) {
      const { username, password } = request.body as { username: string; password: string }
      return password === 'right' ? { sub: `id of ${username}`, claims: { name: username } } : null
    }
  })
  app.get('/notes', { preHandler: app.authenticate }, async ({ user }) => [`A note of ${user?.name}`])
  return app
}
