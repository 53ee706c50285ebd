import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'

/** The options of every recipe. */
export interface RecipeOptions {
  secret: string | Buffer
  /** Without Redis, sessions are in memory. */
  redis?: Redis | undefined
  logger?: boolean
}

/**
 * Starts the server if the file of the recipe was started: `npx tsx examples/recipes/cors.ts`.
 * Environment: PORT (default 3000), AUTH_SECRET (default random), REDIS_URL (default: sessions in memory).
 */
export async function serveIfStarted(
  moduleUrl: string,
  build: (options: RecipeOptions) => Promise<FastifyInstance>
): Promise<void> {
  if (process.argv[1] !== fileURLToPath(moduleUrl)) return
  const { PORT = '3000', AUTH_SECRET, REDIS_URL } = process.env

  const redis = REDIS_URL ? new Redis(REDIS_URL) : undefined
  const app = await build({ secret: AUTH_SECRET ?? randomBytes(32), redis, logger: true })
  redis?.on('error', (error) => app.log.error(error))

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await app.close()
      redis?.disconnect()
    })
  }
  await app.listen({ host: '127.0.0.1', port: Number(PORT) })
}
