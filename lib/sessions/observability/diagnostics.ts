import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { DiagnosticsEvents, DiagnosticsOperations } from '../../../types/diagnostics.js'

interface EventChannel<M> {
  /** Check this first, so that no message is created without a subscriber. */
  readonly hasSubscribers: boolean
  publish(message: M): void
}

type OperationChannel<M extends object> = TracingChannel<unknown, M>

type Phase = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'

/** Channels of events. Names and messages are public, see docs/reference/observability.md. */
export const events = {
  login: eventChannel('fastify-refresh-token:login'),
  refresh: eventChannel('fastify-refresh-token:refresh'),
  logout: eventChannel('fastify-refresh-token:logout'),
  revoked: eventChannel('fastify-refresh-token:revoked'),
  proofRefused: eventChannel('fastify-refresh-token:proof-refused'),
  storeError: eventChannel('fastify-refresh-token:store-error'),
  feed: eventChannel('fastify-refresh-token:feed'),
  feedRead: eventChannel('fastify-refresh-token:feed-read')
}

/** Tracing channels of operations that take time. */
export const operations = {
  create: operationChannel('fastify-refresh-token:create'),
  refresh: operationChannel('fastify-refresh-token:refresh'),
  revoke: operationChannel('fastify-refresh-token:revoke'),
  revokeAll: operationChannel('fastify-refresh-token:revoke-all'),
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

/**
 * Runs `work` and traces it if the channel has subscribers. Differs from `tracePromise`: the message does not get the
 * result, which may hold tokens, but only the fields that `resultFields` picks.
 */
export function trace<M extends object, T>(
  operation: OperationChannel<M>,
  message: NoInfer<M>,
  work: () => Promise<T>,
  resultFields?: (result: T) => Partial<NoInfer<M>>
): Promise<T> {
  return isTraced(operation) ? traceWork(operation, message, work, resultFields) : work()
}

async function traceWork<M extends object, T>(
  operation: OperationChannel<M>,
  message: M,
  work: () => Promise<T>,
  resultFields?: (result: T) => Partial<M>
): Promise<T> {
  let result: T | undefined
  const traced = async () => {
    result = await work()
    Object.assign(message, resultFields?.(result))
  }
  await operation.tracePromise(traced, message)
  return result as T
}

/** `TracingChannel.hasSubscribers` exists only since Node.js 20.13. */
function isTraced(operation: Record<Phase, { readonly hasSubscribers: boolean }>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = operation
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}
