import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { DiagnosticsEvents, DiagnosticsOperations } from '../../lib/index.js'

interface Owner {
  teardown(fn: () => unknown): unknown
}

/** Records the messages of a channel until the test ends. */
export function recordMessages<N extends keyof DiagnosticsEvents>(t: Owner, name: N): DiagnosticsEvents[N][] {
  const messages: DiagnosticsEvents[N][] = []
  const record = (message: unknown) => void messages.push(message as DiagnosticsEvents[N])
  subscribe(name, record)
  t.teardown(() => unsubscribe(name, record))
  return messages
}

export interface Traced<M> {
  phase: 'start' | 'asyncEnd'
  /** A copy at that time. */
  message: M & { error?: unknown; result?: unknown }
}

/** Records the start and the end of an operation until the test ends. */
export function recordTraces<N extends keyof DiagnosticsOperations>(
  t: Owner,
  name: N
): Traced<DiagnosticsOperations[N]>[] {
  const traced: Traced<DiagnosticsOperations[N]>[] = []
  const record = (phase: 'start' | 'asyncEnd') => (message: object) =>
    void traced.push({ phase, message: { ...(message as DiagnosticsOperations[N]) } })
  const [start, end] = [record('start'), record('asyncEnd')]
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
const OPERATIONS = ['create', 'refresh', 'revoke', 'revoke-all', 'store']
const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

/** Records the messages of all channels as text until the test ends. */
export function recordAllMessages(t: Owner): string[] {
  const messages: string[] = []
  const record = (message: unknown) => void messages.push(inspect(message, { depth: 10, showHidden: true }))
  const names = [
    ...EVENTS.map((name) => `fastify-refresh-token:${name}`),
    ...OPERATIONS.flatMap((name) => PHASES.map((phase) => `tracing:fastify-refresh-token:${name}:${phase}`))
  ]
  for (const name of names) subscribe(name, record)
  t.teardown(() => names.map((name) => unsubscribe(name, record)))
  return messages
}
