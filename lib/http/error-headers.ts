import type { FastifyError } from '@fastify/error'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errorCodes, isPluginError } from '../errors.js'

interface RecordedError extends Pick<FastifyError, 'code' | 'message' | 'statusCode'> {
  /** A 503 without it asks for the default pause. */
  retryAfterSeconds?: number
}

const REALM = 'Bearer realm="api"'
const RETRY_AFTER_SECONDS = 1

/** Errors of requests without a token. Their challenge has no `error` (RFC 6750, section 3.1). */
const WITHOUT_TOKEN = new Set<unknown>([
  errorCodes.InvalidCredentials,
  errorCodes.NoAccessToken,
  errorCodes.NoRefreshToken
])

const recordedErrors = new WeakMap<FastifyRequest, RecordedError>()

/**
 * Runs `work` and records the plugin error of a request. An `onSend` hook sets its headers, because a custom error
 * handler ignores `error.headers`.
 */
export async function recordError<T>(request: FastifyRequest, work: () => T | Promise<T>): Promise<T> {
  try {
    const result = work()
    return result instanceof Promise ? await result : result
  } catch (error) {
    if (isPluginError(error)) recordedErrors.set(request, error)
    throw error
  }
}

/** Adds headers to a plugin error of a call without a request. The default error handler of Fastify sends them. */
export async function withErrorHeaders<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isPluginError(error) ? Object.assign(error, { headers: headersOf(error) }) : error
  }
}

/** Adds the headers of the recorded error to the response, unless the error handler changed the status. */
export function addErrorHeadersHook(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const error = recordedErrors.get(request)
    if (!error || error.statusCode !== reply.statusCode) return done()
    // Keeps a challenge that the application set.
    if (!reply.hasHeader('www-authenticate')) reply.headers(headersOf(error))
    done()
  })
}

/** Returns `WWW-Authenticate` (RFC 6750, section 3) for a 401 or an insufficient scope, and `Retry-After` for a 503. */
function headersOf({
  code,
  message,
  statusCode,
  retryAfterSeconds = RETRY_AFTER_SECONDS
}: RecordedError): Record<string, string> {
  if (statusCode === 503) return { 'retry-after': String(retryAfterSeconds) }
  if (WITHOUT_TOKEN.has(code)) return { 'www-authenticate': REALM }
  if (statusCode === 401) return challenge('invalid_token', message)
  if (code === errorCodes.InsufficientScope) return challenge('insufficient_scope', message)
  return {}
}

function challenge(error: string, description: string): Record<string, string> {
  return { 'www-authenticate': `${REALM}, error="${error}", error_description="${description}"` }
}
