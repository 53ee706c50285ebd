import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'

/** What every recipe is built with. */
export interface RecipeOptions {
  secret: string | Buffer
  /** Without it, sessions live in memory. */
  redis?: Redis | undefined
  logger?: boolean
}

/**
 * Serves a recipe whose file was started: `npx tsx examples/recipes/cors.ts`.
 * PORT (3000), AUTH_SECRET (random at each start) and REDIS_URL (memory) come from the environment.
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
