// What happens to the sessions, counted for Prometheus: `npx tsx examples/metrics.ts`, then GET /metrics.
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { type DiagnosticsEvents, type FastifyRefreshTokenOptions } from 'fastify-refresh-token'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const OPERATIONS = ['create', 'refresh', 'end', 'end-all'] as const

/** Counts for all registrations of the process, until it is told to stop. */
export function collectMetrics(registry: Registry): () => void {
  const registers = [registry]
  const logins = new Counter({ registers, name: 'frt_logins_total', help: 'Sessions that have begun' })
  const refreshes = new Counter({
    registers,
    name: 'frt_refreshes_total',
    help: 'Refresh tokens, by what the store decided; rows 9 and 10: it had lost a write',
    labelNames: ['outcome', 'row']
  })
  const ended = new Counter({
    registers,
    name: 'frt_sessions_ended_total',
    help: 'Sessions that have ended before their time',
    labelNames: ['reason']
  })
  const refused = new Counter({
    registers,
    name: 'frt_refused_total',
    help: 'Operations that failed, by the code of the error',
    labelNames: ['operation', 'code']
  })
  const durations = new Histogram({
    registers,
    name: 'frt_operation_seconds',
    help: 'How long logins, refreshes and logouts take',
    labelNames: ['operation'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
  })
  const storeErrors = new Counter({
    registers,
    name: 'frt_store_errors_total',
    help: 'Questions that the store did not answer',
    labelNames: ['operation']
  })
  const feedStates = new Counter({
    registers,
    name: 'frt_feed_changes_total',
    help: 'Changes of the revocation feed: interrupted, recovered, gap, stale',
    labelNames: ['state']
  })
  const feedReadAt = new Map<string, number>()
  new Gauge({
    registers,
    name: 'frt_feed_age_seconds',
    help: 'How long ago the revocation feed was last read to its end',
    labelNames: ['prefix'],
    collect() {
      for (const [prefix, at] of feedReadAt) this.set({ prefix }, (performance.now() - at) / 1000)
    }
  })
  const feedLag = new Histogram({
    registers,
    name: 'frt_feed_lag_seconds',
    help: 'How long revocations are on their way to this process',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
  })

  const stops = [
    on('fastify-refresh-token:login', () => logins.inc()),
    on('fastify-refresh-token:refresh', ({ outcome, row }) => {
      refreshes.inc({ outcome, row })
      if (outcome === 'reused' || outcome === 'rolled-back') ended.inc({ reason: outcome })
    }),
    on('fastify-refresh-token:logout', ({ reason }) => ended.inc({ reason })),
    on('fastify-refresh-token:store-error', ({ operation }) => storeErrors.inc({ operation })),
    on('fastify-refresh-token:feed', ({ state }) => feedStates.inc({ state })),
    on('fastify-refresh-token:feed-read', ({ keyPrefix, lagMs }) => {
      feedReadAt.set(keyPrefix, performance.now())
      if (lagMs !== undefined) feedLag.observe(lagMs / 1000)
    }),
    ...OPERATIONS.map((operation) =>
      time(operation, (seconds, error) => {
        durations.observe({ operation }, seconds)
        if (error) refused.inc({ operation, code: error.code ?? 'unknown' })
      })
    )
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** What a listener throws ends the process, as any uncaught error does. */
function on<N extends keyof DiagnosticsEvents>(
  name: N,
  listener: (message: DiagnosticsEvents[N]) => void
): () => void {
  const listen = (message: unknown) => listener(message as DiagnosticsEvents[N])
  subscribe(name, listen)
  return () => unsubscribe(name, listen)
}

/** The message of an operation is the same object when it begins and when it is over. */
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

  // Not for the public: in production on a port that Prometheus alone reaches.
  app.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const app = await buildMetrics({
    secret: 'an example: any thirty-two bytes or more',
    // Lets everybody in: for a look at the metrics alone.
    login: () => ({ sub: 'ada' })
  })
  console.log(await app.listen({ host: '127.0.0.1', port: 3000 }))
}
