// Starts the demo: `npm run demo`. It serves a page, and prints commands for a terminal.
// Environment: PORT (default 3000), AUTH_SECRET (default random), REDIS_URL (default: sessions in memory).
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
    // The store does not close a Redis client that the application has created.
    redis?.disconnect()
  })
}

try {
  const url = await app.listen({ host: '127.0.0.1', port: Number(PORT) })
  printSteps(url, { store: redis ? 'Redis' : 'memory', hasSecret: AUTH_SECRET !== undefined })
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(code === 'EADDRINUSE' ? `Port ${PORT} is in use. Set PORT to another port.` : message)
  redis?.disconnect()
  process.exitCode = 1
}
