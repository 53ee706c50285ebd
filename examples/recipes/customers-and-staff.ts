// Two kinds of users in one app: each has logins, cookies, keys and routes of its own.
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken from 'fastify-refresh-token'
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
    customers.get('/orders', { preHandler: customers.authenticate }, async (request) => request.user)
  })

  await app.register(async (staff) => {
    await staff.register(refreshToken, {
      secret,
      redis,
      // Keys are derived from the secret and this: no token of one passes for one of the other.
      keyPrefix: 'staff:',
      cookie: { name: '__Host-staff_token' },
      routes: { prefix: '/staff/auth' },
      session: { ttl: '12h' },
      async login(request) {
        const identity = await identify(request.body as Credentials)
        return identity?.claims?.scope === 'admin' ? identity : null
      }
    })
    staff.get('/staff/orders', { preHandler: staff.authenticate }, async (request) => request.user)
  })

  return app
}

await serveIfStarted(import.meta.url, buildCustomersAndStaff)
