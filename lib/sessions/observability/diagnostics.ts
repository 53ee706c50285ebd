import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { DiagnosticsEvents, DiagnosticsOperations } from '../../../types/diagnostics.js'

interface EventChannel<M> {
  /** Asked first: where nobody listens no message is made. */
  readonly hasSubscribers: boolean
  publish(message: M): void
}

type OperationChannel<M extends object> = TracingChannel<unknown, M>

type Phase = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'

/** What happened. The names and the messages are public: docs/reference/observability.md. */
export const events = {
  login: eventChannel('fastify-refresh-token:login'),
  refresh: eventChannel('fastify-refresh-token:refresh'),
  logout: eventChannel('fastify-refresh-token:logout'),
  revoked: eventChannel('fastify-refresh-token:revoked'),
  storeError: eventChannel('fastify-refresh-token:store-error'),
  feed: eventChannel('fastify-refresh-token:feed'),
  feedRead: eventChannel('fastify-refresh-token:feed-read')
}

/** What takes time. */
export const operations = {
  create: operationChannel('fastify-refresh-token:create'),
  refresh: operationChannel('fastify-refresh-token:refresh'),
  end: operationChannel('fastify-refresh-token:end'),
  endAll: operationChannel('fastify-refresh-token:end-all'),
  store: operationChannel('fastify-refresh-token:store')
}

function eventChannel<N extends keyof DiagnosticsEvents>(name: N): EventChannel<DiagnosticsEvents[N]> {
  return channel(name)
}

function operationChannel<N extends keyof DiagnosticsOperations>(
  name: N
): OperationChannel<DiagnosticsOperations[N]> {
  return tracingChannel(name)
}

/** A tracing channel does not say so itself before Node.js 20.13. */
export function isTraced(operation: Record<Phase, { readonly hasSubscribers: boolean }>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = operation
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/**
 * `tracePromise`, but for the result of the work, which may hold tokens: the message gets what `tell` takes from
 * it. Work that nobody traces goes without.
 */
export async function trace<M extends object, T>(
  operation: OperationChannel<M>,
  message: NoInfer<M>,
  work: () => Promise<T>,
  tell: (result: T) => Partial<NoInfer<M>> = () => ({})
): Promise<T> {
  let result: T | undefined
  const traced = async () => {
    result = await work()
    Object.assign(message, tell(result))
  }
  await operation.tracePromise(traced, message)
  return result as T
}
