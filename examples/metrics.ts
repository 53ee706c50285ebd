// Collects Prometheus metrics of sessions. Start: `npx tsx examples/metrics.ts`, then request GET /metrics.
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { type DiagnosticsEvents, type FastifyRefreshTokenOptions } from 'fastify-refresh-token'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const OPERATIONS = ['create', 'refresh', 'revoke', 'revoke-all'] as const

/**
 * Collects the metrics of all registrations in this process.
 * @returns a function that stops the collection
 */
export function collectMetrics(registry: Registry): () => void {
  const registers = [registry]
  const logins = new Counter({ registers, name: 'frt_logins_total', help: 'Created sessions' })
  const refreshes = new Counter({
    registers,
    name: 'frt_refreshes_total',
    help: 'Refreshes by outcome and by row of the rotation rule. Rows 9 and 10: the store has lost a write',
    labelNames: ['outcome', 'row']
  })
  const revoked = new Counter({
    registers,
    name: 'frt_sessions_revoked_total',
    help: 'Revoked sessions by reason',
    labelNames: ['reason']
  })
  const refusedProofs = new Counter({
    registers,
    name: 'frt_proofs_refused_total',
    help: 'Refresh tokens of bound sessions without a proof of the key (required), or with another key (mismatch)',
    labelNames: ['reason']
  })
  const operationErrors = new Counter({
    registers,
    name: 'frt_operation_errors_total',
    help: 'Failed operations by error code',
    labelNames: ['operation', 'code']
  })
  const durations = new Histogram({
    registers,
    name: 'frt_operation_seconds',
    help: 'Duration of logins, refreshes and logouts',
    labelNames: ['operation'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
  })
  const storeErrors = new Counter({
    registers,
    name: 'frt_store_errors_total',
    help: 'Failed calls to the store by operation',
    labelNames: ['operation']
  })
  const feedStates = new Counter({
    registers,
    name: 'frt_feed_changes_total',
    help: 'State changes of the revocation feed: interrupted, recovered, gap, stale',
    labelNames: ['state']
  })
  const feedReadAt = new Map<string, number>()
  new Gauge({
    registers,
    name: 'frt_feed_age_seconds',
    help: 'Time since the revocation feed was last read to its end',
    labelNames: ['prefix'],
    collect() {
      for (const [prefix, at] of feedReadAt) this.set({ prefix }, (performance.now() - at) / 1000)
    }
  })
  const feedLag = new Histogram({
    registers,
    name: 'frt_feed_lag_seconds',
    help: 'Delay of revocations on their way to this process',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
  })

  const stops = [
    on('fastify-refresh-token:login', () => logins.inc()),
    on('fastify-refresh-token:refresh', ({ outcome, row }) => {
      refreshes.inc({ outcome, row })
      if (outcome === 'reused' || outcome === 'rolled-back') revoked.inc({ reason: outcome })
    }),
    on('fastify-refresh-token:logout', ({ reason }) => revoked.inc({ reason })),
    on('fastify-refresh-token:proof-refused', ({ reason }) => refusedProofs.inc({ reason })),
    on('fastify-refresh-token:store-error', ({ operation }) => storeErrors.inc({ operation })),
    on('fastify-refresh-token:feed', ({ state }) => feedStates.inc({ state })),
    on('fastify-refresh-token:feed-read', ({ keyPrefix, lagMs }) => {
      feedReadAt.set(keyPrefix, performance.now())
      if (lagMs !== undefined) feedLag.observe(lagMs / 1000)
    }),
    ...OPERATIONS.map((operation) =>
      time(operation, (seconds, error) => {
        durations.observe({ operation }, seconds)
        if (error) operationErrors.inc({ operation, code: error.code ?? 'unknown' })
      })
    )
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** Subscribes to a channel. An error that the listener throws becomes an uncaught exception. */
function on<N extends keyof DiagnosticsEvents>(
  name: N,
  listener: (message: DiagnosticsEvents[N]) => void
): () => void {
  const listen = (message: unknown) => listener(message as DiagnosticsEvents[N])
  subscribe(name, listen)
  return () => unsubscribe(name, listen)
}

/** Measures an operation. Its start and its end have the same message object. */
function time(
  operation: (typeof OPERATIONS)[number],
  done: (seconds: number, error?: { code?: string }) => void
): () => void {
  const { start, asyncEnd } = tracingChannel(`fastify-refresh-token:${operation}`)
  const startedAt = new WeakMap<object, number>()
  const begin = (message: object) => void startedAt.set(message, performance.now())
  const finish = (message: object) => {
    const since = startedAt.get(message)
    if (since !== undefined) done((performance.now() - since) / 1000, (message as { error?: object }).error)
  }
  start.subscribe(begin as never)
  asyncEnd.subscribe(finish as never)
  return () => {
    start.unsubscribe(begin as never)
    asyncEnd.unsubscribe(finish as never)
  }
}

export async function buildMetrics(options: FastifyRefreshTokenOptions): Promise<FastifyInstance> {
  const app = Fastify()
  const registry = new Registry()
  const stop = collectMetrics(registry)
  app.addHook('onClose', async () => stop())
  await app.register(refreshToken, options)

  // In production, serve this route on a port that only Prometheus can reach.
  app.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const app = await buildMetrics({
    secret: 'an example: any thirty-two bytes or more',
    // Accepts every login, because this example shows only the metrics.
    login: () => ({ sub: 'ada' })
  })
  console.log(await app.listen({ host: '127.0.0.1', port: 3000 }))
}
