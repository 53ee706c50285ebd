import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanStatusCode } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import t, { type Test } from 'tap'
import { buildTracing } from '../../../examples/tracing.js'
import { MemoryStore } from '../../../lib/index.js'
import { DOWN, SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { sidOf } from '../../support/outage.js'

async function open(t: Test, store = new MemoryStore()) {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const app = await buildTracing(provider.getTracer('test'), {
    secret: SECRET,
    store,
    login: () => ({ sub: 'ada' })
  })
  t.after(() => app.close())
  const client = new Client(app)
  await client.login()
  return {
    app,
    client,
    exporter,
    span: (name: string) => exporter.getFinishedSpans().findLast((span) => span.name === name)
  }
}

t.test('creates a span for a login, with a child span for each call to the store', async (t) => {
  const { client, exporter, span } = await open(t)
  const login = span('session create')
  t.match(login?.attributes, {
    'frt.sub': 'ada',
    'frt.sid': sidOf(client),
    'frt.gen': 1,
    'frt.keyPrefix': 'frt:'
  })
  const children = exporter
    .getFinishedSpans()
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === login?.spanContext().spanId)
  t.same(
    children.map(({ name, attributes }) => [name, attributes['frt.operation']]),
    [
      ['session store', 'now'],
      ['session store', 'create']
    ]
  )
})

t.test('adds the decision of the store to the span of a refresh', async (t) => {
  const { client, span } = await open(t)
  await client.refresh()
  t.match(span('session refresh')?.attributes, { 'frt.outcome': 'rotated', 'frt.row': 4, 'frt.gen': 2 })
  t.equal(span('session refresh')?.status.code, SpanStatusCode.UNSET)
})

t.test('marks an unavailable store as a failure, and a client error not', async (t) => {
  const store = new MemoryStore()
  const { client, span } = await open(t, store)
  await client.copy().logout()
  t.match(span('session revoke')?.attributes, { 'frt.reason': 'logout', 'frt.revoked': 1 })
  await client.refresh()
  t.match(span('session refresh'), {
    attributes: { 'error.type': 'FRT_ERR_SESSION_REVOKED' },
    status: { code: SpanStatusCode.UNSET }
  })
  await client.login()
  store.rotate = DOWN.rotate
  await client.refresh()
  for (const name of ['session refresh', 'session store']) {
    t.match(span(name), {
      attributes: { 'error.type': 'FRT_ERR_STORE_UNAVAILABLE' },
      status: { code: SpanStatusCode.ERROR }
    })
  }
})

t.test('keeps the spans of simultaneous requests apart', async (t) => {
  const { app, exporter } = await open(t)
  exporter.reset()
  const requests = new AsyncLocalStorage<number>()
  const clients = Array.from({ length: 5 }, () => new Client(app))
  await Promise.all(clients.map((client, i) => requests.run(i, () => client.login())))
  const spans = exporter.getFinishedSpans()
  const logins = spans.filter(({ name }) => name === 'session create')
  t.equal(new Set(logins.map((each) => each.spanContext().traceId)).size, 5)
  t.equal(spans.length, 10)
  for (const { parentSpanContext } of spans.filter(({ name }) => name === 'session store')) {
    t.ok(logins.some((login) => login.spanContext().spanId === parentSpanContext?.spanId))
  }
})

t.test('creates no spans after the app has closed', async (t) => {
  const { app, exporter } = await open(t)
  await app.close()
  exporter.reset()
  await app.sessions.create({ sub: 'ada' })
  t.same(exporter.getFinishedSpans(), [])
})
