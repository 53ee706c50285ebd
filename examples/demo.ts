// `npm run demo`: an app with two users, and the commands to try it with.
// PORT (3000), AUTH_SECRET (random at each start) and REDIS_URL (memory) come from the environment.
import { randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import refreshToken from 'fastify-refresh-token'
import { Redis } from 'ioredis'
import { hashPassword, verifyPassword } from './passwords.js'
import { printSteps } from './steps.js'

declare module 'fastify-refresh-token' {
  interface Claims {
    name?: string
    scope?: string
  }
}

const { PORT = '3000', AUTH_SECRET, REDIS_URL } = process.env

const users = new Map([
  ['ada', { id: 'user-1', name: 'Ada', scope: 'admin', hash: await hashPassword('analytical engine') }],
  ['grace', { id: 'user-2', name: 'Grace', scope: '', hash: await hashPassword('nanoseconds') }]
])

const app = Fastify({ logger: { level: 'warn' } })
const redis = REDIS_URL ? new Redis(REDIS_URL) : undefined
redis?.on('error', (error) => app.log.error(`Redis: ${error.message}`))

await app.register(refreshToken, {
  secret: AUTH_SECRET ?? randomBytes(32),
  ...(redis && { redis }),
  // Short, so that the steps below need not wait for half a minute.
  refreshToken: { grace: '2s' },
  routes: {
    login: {
      schema: {
        body: {
          type: 'object',
          required: ['username', 'password'],
          properties: {
            username: { type: 'string', maxLength: 100 },
            password: { type: 'string', maxLength: 1000 }
          }
        }
      }
    }
  },
  async login(request) {
    const { username, password } = request.body as { username: string; password: string }
    const user = users.get(username)
    if (!(await verifyPassword(password, user?.hash)) || !user) return null
    return { sub: user.id, claims: { name: user.name, scope: user.scope } }
  }
})

app.get('/me', { preHandler: app.authenticate }, async ({ user }) => ({ id: user?.sub, name: user?.name }))

app.get('/admin', { preHandler: [app.authenticate, app.authorize('admin')] }, async ({ user }) => ({
  message: `Only admins see this, ${user?.name}`
}))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await app.close()
    // The plugin never closes a client that it was given.
    redis?.disconnect()
  })
}

try {
  const url = await app.listen({ host: '127.0.0.1', port: Number(PORT) })
  printSteps(url, { store: redis ? 'Redis' : 'memory', hasSecret: AUTH_SECRET !== undefined })
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(code === 'EADDRINUSE' ? `Port ${PORT} is taken: set PORT to another one.` : message)
  redis?.disconnect()
  process.exitCode = 1
}
