// A webhook if a stolen token was detected, or if a session continues in another country. The alerts wait in a queue in the same
// Redis, so that they are sent even if the process restarts or the webhook is down. WEBHOOK_URL is the address of the webhook.
import { type Job, Queue, Worker } from 'bullmq'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { authenticate, type Duration } from 'fastify-refresh-token'
import type { Redis } from 'ioredis'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

export interface AlertOptions extends RecipeOptions {
  /** Keeps the sessions and the queue. */
  redis: Redis
  webhook: string
  /** The pause before the second attempt. Each further pause is twice as long. */
  retryDelayMs?: number
  /** The option `refreshToken.grace`. */
  grace?: Duration
}

interface Alert {
  id: string
  kind: 'stolen-token' | 'another-country'
  sub: string
  sid: string
  metadata: object
}

export async function buildAlerts(options: AlertOptions): Promise<FastifyInstance> {
  const { secret, redis, webhook, retryDelayMs = 1000, grace, logger = false } = options
  const app = Fastify({ logger })
  const queue = new Queue<Alert>('alerts', { connection: redis })
  // A worker waits for jobs, which needs a connection of its own that tries again without a limit.
  const connection = redis.duplicate({ maxRetriesPerRequest: null })
  const worker = new Worker<Alert>('alerts', (job) => send(webhook, job), { connection })
  worker.on('failed', (job, error) =>
    app.log.warn({ id: job?.data.id, error: error.message }, 'alert not sent yet')
  )
  worker.on('error', (error) => app.log.error(error))
  app.addHook('onClose', async () => {
    await worker.close()
    await queue.close()
    connection.disconnect()
  })

  /** An event can be emitted twice in a failover, with the same id. The queue keeps one job for each id. */
  async function enqueue(alert: Alert): Promise<void> {
    const backoff = { type: 'exponential', delay: retryDelayMs }
    const jobId = alert.id.replaceAll(':', '-')
    await queue.add(alert.kind, alert, { jobId, attempts: 20, backoff, removeOnComplete: { age: 86_400 } })
  }

  await app.register(refreshToken, {
    secret,
    redis,
    login,
    refreshToken: { grace },
    routes: { login: { schema: { body: credentialsSchema } } },
    // Your proxy sets this header, and removes it from requests of clients.
    session: { metadata: ({ headers, ip }) => ({ ip, country: headers['x-country'] ?? 'unknown' }) },
    onReuse: ({ id, sub, sid, metadata }) => enqueue({ id, kind: 'stolen-token', sub, sid, metadata }),
    async onRefresh({ id, sub, sid, metadata, previousMetadata }) {
      if (metadata.country === previousMetadata.country) return
      await enqueue({ id, kind: 'another-country', sub, sid, metadata })
    }
  })

  app.get('/me', { preHandler: authenticate }, async (request) => request.user)
  return app
}

/** If it throws, the queue tries again later. */
async function send(webhook: string, { data }: Job<Alert>): Promise<void> {
  const response = await fetch(webhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(data),
    signal: AbortSignal.timeout(10_000)
  })
  if (!response.ok) throw new Error(`the webhook answered ${response.status}`)
}

await serveIfStarted(import.meta.url, ({ redis, ...options }) => {
  const { WEBHOOK_URL: webhook } = process.env
  if (!redis || !webhook) throw new Error('set REDIS_URL and WEBHOOK_URL')
  return buildAlerts({ ...options, redis, webhook })
})
