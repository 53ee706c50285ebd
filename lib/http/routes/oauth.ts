import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorCodes, isPluginError } from '../../errors.js'

/** Error codes of RFC 6749 section 5.2. */
type OAuthErrorCode = 'invalid_request' | 'invalid_grant' | 'unsupported_grant_type'

/** An error that an OAuth client reads: 400, in the shape of RFC 6749 section 5.2. */
export class OAuthError extends Error {
  readonly error: OAuthErrorCode

  constructor(error: OAuthErrorCode, description: string) {
    super(description)
    this.error = error
  }
}

/** A form speaks OAuth: it reads and answers in the body alone. */
export function isOAuth({ headers }: FastifyRequest): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(String(headers['content-type']))
}

/** A parameter that must come once (RFC 6749 section 3.2). @throws OAuthError */
export function requireParameter({ body }: FastifyRequest, name: string): string {
  const value = Object(body)[name]
  if (typeof value !== 'string' || value === '') {
    throw new OAuthError('invalid_request', `The parameter ${name} must come once, and not empty`)
  }
  return value
}

/** @throws OAuthError for any parameter that came twice */
export function refuseRepeated({ body }: FastifyRequest): void {
  if (Object.values(Object(body)).some(Array.isArray))
    throw new OAuthError('invalid_request', 'A parameter came more than once')
}

const INVALID_GRANT = new Set<unknown>([
  errorCodes.RefreshTokenInvalid,
  errorCodes.RefreshTokenExpired,
  errorCodes.RefreshTokenReused,
  errorCodes.SessionRevoked
])

/** Answers what an OAuth client understands; throws on what is none of its business: a store that is down is a 503. */
export function sendOAuthError(reply: FastifyReply, error: unknown): FastifyReply {
  const known =
    isPluginError(error) && INVALID_GRANT.has(error.code)
      ? new OAuthError('invalid_grant', error.message)
      : error
  if (!(known instanceof OAuthError)) throw error
  return reply.code(400).send({ error: known.error, error_description: known.message })
}
