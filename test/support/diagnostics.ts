import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { DiagnosticsEvents, DiagnosticsOperations } from '../../lib/index.js'

interface Owner {
  teardown(fn: () => unknown): unknown
}

/** What is told on a channel, until the test ends. */
export function heardOn<N extends keyof DiagnosticsEvents>(t: Owner, name: N): DiagnosticsEvents[N][] {
  const heard: DiagnosticsEvents[N][] = []
  const hear = (message: unknown) => void heard.push(message as DiagnosticsEvents[N])
  subscribe(name, hear)
  t.teardown(() => unsubscribe(name, hear))
  return heard
}

export interface Traced<M> {
  phase: 'start' | 'asyncEnd'
  /** As it was then. */
  message: M & { error?: unknown; result?: unknown }
}

/** What is told of an operation when it begins and when it is over, until the test ends. */
export function tracedOn<N extends keyof DiagnosticsOperations>(
  t: Owner,
  name: N
): Traced<DiagnosticsOperations[N]>[] {
  const traced: Traced<DiagnosticsOperations[N]>[] = []
  const hear = (phase: 'start' | 'asyncEnd') => (message: object) =>
    void traced.push({ phase, message: { ...(message as DiagnosticsOperations[N]) } })
  const [start, end] = [hear('start'), hear('asyncEnd')]
  const { start: starts, asyncEnd: ends } = tracingChannel(name)
  starts.subscribe(start as never)
  ends.subscribe(end as never)
  t.teardown(() => {
    starts.unsubscribe(start as never)
    ends.unsubscribe(end as never)
  })
  return traced
}

const EVENTS = ['login', 'refresh', 'logout', 'revoked', 'store-error', 'feed', 'feed-read']
const OPERATIONS = ['create', 'refresh', 'end', 'end-all', 'store']
const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

/** All that is told on any channel, as text, until the test ends. */
export function overheard(t: Owner): string[] {
  const heard: string[] = []
  const hear = (message: unknown) => void heard.push(inspect(message, { depth: 10, showHidden: true }))
  const names = [
    ...EVENTS.map((name) => `fastify-refresh-token:${name}`),
    ...OPERATIONS.flatMap((name) => PHASES.map((phase) => `tracing:fastify-refresh-token:${name}:${phase}`))
  ]
  for (const name of names) subscribe(name, hear)
  t.teardown(() => names.map((name) => unsubscribe(name, hear)))
  return heard
}
