// `npm run demo`: a page to look at, and the commands to try it with.
// PORT (3000), AUTH_SECRET (random at each start) and REDIS_URL (memory) come from the environment.
import { randomBytes } from 'node:crypto'
import { MemoryStore, RedisStore } from 'fastify-refresh-token'
import { Redis } from 'ioredis'
import { createDemo } from './demo/app.js'
import { printSteps } from './steps.js'

const { PORT = '3000', AUTH_SECRET, REDIS_URL } = process.env

const redis = REDIS_URL ? new Redis(REDIS_URL) : undefined
redis?.on('error', (error) => console.error(`Redis: ${error.message}`))
const store = redis ? new RedisStore({ redis, keyPrefix: 'frt:' }) : new MemoryStore()
const app = await createDemo({ secret: AUTH_SECRET ?? randomBytes(32), store })

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await app.close()
    // A store never closes the client that it was given.
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
