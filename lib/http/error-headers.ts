import type { FastifyError } from '@fastify/error'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Session } from '../../types/session.js'
import { errorCodes, isPluginError } from '../errors.js'
import { challengeParameters, type Requirement } from '../tokens/authentication.js'
import { isObject } from '../utils/checks.js'
import { NONCE_HEADER } from './binding/request-proofs.js'
import { sessionResponse } from './session-response.js'

interface RecordedError extends Pick<FastifyError, 'code' | 'message' | 'statusCode'> {
  /** A 503 without it asks for the default pause. */
  retryAfterSeconds?: number
  /** The nonce that the next proof must contain. */
  nonce?: string
  /** The authentication that the request requires. */
  requirement?: Requirement
  /** The sessions of a user who has the maximum number of them. */
  sessions?: Session[]
  /** The request needs no token. */
  isWithoutToken?: boolean
}

const REALM = 'realm="api"'
const RETRY_AFTER_SECONDS = 1

/** The errors of a proof, with the `error` of their challenge (RFC 9449, section 7.1). */
const PROOF_ERRORS = new Map<string, string>([
  [errorCodes.ProofRequired, 'invalid_token'],
  [errorCodes.ProofKeyMismatch, 'invalid_token'],
  [errorCodes.ProofInvalid, 'invalid_dpop_proof'],
  [errorCodes.ProofNonce, 'use_dpop_nonce']
])

/** Errors of requests without a token. Their challenge has no `error` (RFC 6750, section 3.1). */
const WITHOUT_TOKEN = new Set<unknown>([
  errorCodes.InvalidCredentials,
  errorCodes.NoAccessToken,
  errorCodes.NoRefreshToken
])

const BEARER_ERRORS = new Map<string, string>([
  [errorCodes.InsufficientScope, 'insufficient_scope'],
  [errorCodes.InsufficientAuthentication, 'insufficient_user_authentication']
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
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const error = recordedErrors.get(request)
    if (!error || error.statusCode !== reply.statusCode) return done()
    // Keeps a challenge that the application set.
    if (!reply.hasHeader('www-authenticate')) reply.headers(headersOf(error))
    const members = membersOf(error)
    if (members === undefined) return done()
    // Also with a challenge of the application, because the client cannot continue without the nonce.
    if (error.nonce !== undefined) reply.header(NONCE_HEADER, error.nonce)
    done(null, withMembers(payload, error.code, members))
  })
}

/** Returns what the JSON body of an error has in addition to the code and the message. */
function membersOf({ nonce, sessions }: RecordedError): object | undefined {
  // A script of another origin may not be allowed to read the header with the nonce.
  if (nonce !== undefined) return { nonce }
  return sessions && { sessions: sessions.map((session) => sessionResponse(session)) }
}

/** Adds members to the JSON body of an error. */
function withMembers(payload: unknown, code: string, members: object): unknown {
  if (typeof payload !== 'string') return payload
  try {
    const body: unknown = JSON.parse(payload)
    return isObject(body) && body.code === code ? JSON.stringify({ ...body, ...members }) : payload
  } catch {
    return payload
  }
}

/** Returns the challenge (RFC 6750, section 3) of a 401 or an insufficient scope, and `Retry-After` of a 503. */
function headersOf(error: RecordedError): Record<string, string> {
  const { statusCode, retryAfterSeconds = RETRY_AFTER_SECONDS } = error
  if (statusCode === 503) return { 'retry-after': String(retryAfterSeconds) }
  const challenge = challengeOf(error)
  return challenge === undefined ? {} : { 'www-authenticate': challenge }
}

function challengeOf({
  code,
  message,
  statusCode,
  isWithoutToken,
  requirement
}: RecordedError): string | undefined {
  const proofError = PROOF_ERRORS.get(code)
  const scheme = proofError ? 'DPoP' : 'Bearer'
  const algorithms = proofError ? ', algs="ES256"' : ''
  if (isWithoutToken || WITHOUT_TOKEN.has(code)) return `${scheme} ${REALM}${algorithms}`
  const error = proofError ?? BEARER_ERRORS.get(code) ?? (statusCode === 401 ? 'invalid_token' : undefined)
  const parameters = requirement ? `, ${challengeParameters(requirement)}` : algorithms
  return error && `${scheme} ${REALM}, error="${error}", error_description="${message}"${parameters}`
}
