import type { FastifyError } from '@fastify/error'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errorCodes, isPluginError } from '../errors.js'

type RecordedError = Pick<FastifyError, 'code' | 'message' | 'statusCode'>

const REALM = 'Bearer realm="api"'
const RETRY_AFTER_SECONDS = '1'

/** Errors of a request without any token: the challenge has no `error` (RFC 6750 section 3.1). */
const WITHOUT_TOKEN = new Set<unknown>([
  errorCodes.InvalidCredentials,
  errorCodes.NoAccessToken,
  errorCodes.NoRefreshToken
])

const recordedErrors = new WeakMap<FastifyRequest, RecordedError>()

/**
 * Notes which error of ours a request fails with. Its headers are set when the answer is sent: those that
 * an error carries are for Fastify's own error handler alone, and an app may have another.
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

/** For calls without a request: gives an error of ours the headers that Fastify's own error handler sends. */
export async function withErrorHeaders<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isPluginError(error) ? Object.assign(error, { headers: headersOf(error) }) : error
  }
}

/** Adds the headers of a noted error to the answer, unless the app's error handler made something else of it. */
export function addErrorHeadersHook(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const failure = recordedErrors.get(request)
    if (!failure || failure.statusCode !== reply.statusCode) return done()
    // A challenge of the app's own stays.
    if (!reply.hasHeader('www-authenticate')) reply.headers(headersOf(failure))
    done()
  })
}

/** `WWW-Authenticate` (RFC 6750 section 3) for a 401 or a refused scope, `Retry-After` for a 503. */
function headersOf({ code, message, statusCode }: RecordedError): Record<string, string> {
  if (statusCode === 503) return { 'retry-after': RETRY_AFTER_SECONDS }
  if (WITHOUT_TOKEN.has(code)) return { 'www-authenticate': REALM }
  if (statusCode === 401) return challenge('invalid_token', message)
  if (code === errorCodes.InsufficientScope) return challenge('insufficient_scope', message)
  return {}
}

function challenge(error: string, description: string): Record<string, string> {
  return { 'www-authenticate': `${REALM}, error="${error}", error_description="${description}"` }
}
