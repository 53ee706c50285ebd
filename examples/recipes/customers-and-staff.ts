// One app has two kinds of users. Each kind has its own login, cookie, keys and routes.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate } from 'fastify-refresh-token'
import { type Credentials, identify } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export async function buildCustomersAndStaff({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })

  await app.register(async (customers) => {
    await customers.register(refreshToken, {
      secret,
      redis,
      login: (request) => identify(request.body as Credentials)
    })
    customers.get('/orders', { preHandler: authenticate }, async (request) => request.user)
  })

  await app.register(async (staff) => {
    await staff.register(refreshToken, {
      secret,
      redis,
      // The keys are derived from the secret and the prefix, so each instance rejects the tokens of the other.
      keyPrefix: 'staff:',
      cookie: { name: '__Host-staff_token' },
      routes: { prefix: '/staff/auth' },
      session: { ttl: '12h' },
      async login(request) {
        const identity = await identify(request.body as Credentials)
        return identity?.claims?.scope === 'admin' ? identity : null
      }
    })
    staff.get('/staff/orders', { preHandler: authenticate }, async (request) => request.user)
  })

  return app
}

await serveIfStarted(import.meta.url, buildCustomersAndStaff)
