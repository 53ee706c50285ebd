import type { FastifyError } from '@fastify/error'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errorCodes, isOurs } from './errors.js'

type Failure = Pick<FastifyError, 'code' | 'message' | 'statusCode'>

const REALM = 'Bearer realm="api"'
const RETRY_AFTER_SECONDS = '1'

/** Errors of a request without any token: the challenge has no `error` (RFC 6750 section 3.1). */
const WITHOUT_TOKEN = new Set<unknown>([
  errorCodes.InvalidCredentials,
  errorCodes.NoAccessToken,
  errorCodes.NoRefreshToken
])

const failures = new WeakMap<FastifyRequest, Failure>()

/**
 * Notes which error of ours a request failed with. Its headers are set when the answer is sent: what
 * `error.headers` holds is for Fastify's own error handler alone, and an app may have another.
 */
export function noteFailure(request: FastifyRequest, error: unknown): void {
  if (isOurs(error)) failures.set(request, error)
}

/** Adds `WWW-Authenticate` (RFC 6750 section 3) to a 401 or 403 of ours, and `Retry-After` to a 503. */
export function addChallengeHook(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const failure = failures.get(request)
    // An app's error handler may have made something else of it.
    if (failure?.statusCode === reply.statusCode) addHeaders(reply, failure)
    done()
  })
}

function addHeaders(reply: FastifyReply, { code, message, statusCode }: Failure): void {
  if (statusCode === 503) {
    reply.header('retry-after', RETRY_AFTER_SECONDS)
  } else if (WITHOUT_TOKEN.has(code)) {
    reply.header('www-authenticate', REALM)
  } else if (statusCode === 401) {
    reply.header('www-authenticate', `${REALM}, error="invalid_token", error_description="${message}"`)
  } else if (code === errorCodes.InsufficientScope) {
    reply.header('www-authenticate', `${REALM}, error="insufficient_scope", error_description="${message}"`)
  }
}
