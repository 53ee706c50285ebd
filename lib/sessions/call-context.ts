import type { FastifyBaseLogger, FastifyRequest } from 'fastify'

/** The origin of a call. Hooks receive the request, and log lines contain its id. */
export interface CallContext {
  /** `null` for calls through `app.sessions`. */
  request: FastifyRequest | null
  log: FastifyBaseLogger
}

export function contextOf(request: FastifyRequest): CallContext {
  return { request, log: request.log }
}
