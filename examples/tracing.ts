// Creates OpenTelemetry spans: one for each login, refresh and logout, with a child span for each call to the store.
// Start: `npx tsx examples/tracing.ts`, which prints the spans.
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace
} from '@opentelemetry/api'
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { type FastifyRefreshTokenOptions } from 'fastify-refresh-token'

const OPERATIONS = ['create', 'refresh', 'revoke', 'revoke-all', 'store']

/**
 * Creates spans for all registrations in this process.
 * @returns a function that stops it
 */
export function traceSessions(tracer: Tracer): () => void {
  // The parent of a new span: a span of this file, or the active span of the application, such as the HTTP request.
  const contexts = new AsyncLocalStorage<Context>()
  const current = () => contexts.getStore() ?? context.active()

  const stops = OPERATIONS.map((operation) => spanEach(operation, tracer, contexts, current))

  // The store decides during the refresh, so its decision becomes attributes of the span of the refresh.
  const onDecision = (message: unknown) => void trace.getSpan(current())?.setAttributes(attributesOf(message))
  subscribe('fastify-refresh-token:refresh', onDecision)
  stops.push(() => unsubscribe('fastify-refresh-token:refresh', onDecision))

  return () => {
    for (const stop of stops) stop()
  }
}

function spanEach(
  operation: string,
  tracer: Tracer,
  contexts: AsyncLocalStorage<Context>,
  current: () => Context
): () => void {
  const { start, asyncEnd } = tracingChannel(`fastify-refresh-token:${operation}`)
  const spans = new WeakMap<object, Span>()

  start.bindStore(contexts, (message) => {
    const span = tracer.startSpan(`session ${operation}`, { attributes: attributesOf(message) }, current())
    spans.set(message as object, span)
    return trace.setSpan(current(), span)
  })

  const finish = (message: object) => {
    const span = spans.get(message)
    span?.setAttributes(attributesOf(message))
    if ('error' in message) recordError(span, message.error)
    span?.end()
  }
  asyncEnd.subscribe(finish as never)

  return () => {
    start.unbindStore(contexts)
    asyncEnd.unsubscribe(finish as never)
  }
}

/** Records the error. A client error does not make the span a failure. */
function recordError(span: Span | undefined, error: unknown): void {
  const { code = 'unknown', statusCode = 500 } = Object(error)
  span?.setAttribute('error.type', code)
  if (statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR })
}

function attributesOf(message: unknown): Attributes {
  const { error: _, result: __, ...fields } = Object(message)
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`frt.${name}`, value])
  ) as Attributes
}

export async function buildTracing(
  tracer: Tracer,
  options: FastifyRefreshTokenOptions
): Promise<FastifyInstance> {
  const app = Fastify()
  const stop = traceSessions(tracer)
  app.addHook('onClose', async () => stop())
  await app.register(refreshToken, options)
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const processor = new SimpleSpanProcessor(new ConsoleSpanExporter())
  const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer('fastify-refresh-token')
  const app = await buildTracing(tracer, {
    secret: 'an example: any thirty-two bytes or more',
    // Accepts every login, because this example shows only the spans.
    login: () => ({ sub: 'ada' })
  })
  console.log(await app.listen({ host: '127.0.0.1', port: 3000 }))
}
