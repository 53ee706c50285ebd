import type { FastifyBaseLogger, FastifyRequest } from 'fastify'

/** On whose behalf something is done: hooks get the request, and the log its id. */
export interface Caller {
  /** Null for calls through `app.sessions`. */
  request: FastifyRequest | null
  log: FastifyBaseLogger
}

export function callerOf(request: FastifyRequest): Caller {
  return { request, log: request.log }
}
