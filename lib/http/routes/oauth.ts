import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { errorCodes, isPluginError } from '../../errors.js'
import { NONCE_HEADER } from '../binding/request-proofs.js'
import { isForm } from '../transport/form.js'
import { bodyTransport, type TokenTransport } from '../transport/transport.js'

/** Error codes of RFC 6749, section 5.2, and of RFC 9449, sections 5 and 8. */
type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'

/** An error for OAuth clients: status 400, in the format of RFC 6749, section 5.2. */
export class OAuthError extends Error {
  readonly error: OAuthErrorCode

  constructor(error: OAuthErrorCode, description: string) {
    super(description)
    this.error = error
  }
}

/** One of these makes a form an OAuth request (RFC 6749, section 6, and RFC 7009, section 2.1). */
const OAUTH_PARAMETERS = ['grant_type', 'refresh_token', 'token']

/**
 * Returns whether the request is a form of an OAuth client, which expects tokens only in the body. Browsers and command
 * line tools also send forms, such as `<form method="post" action="/auth/logout">`. Those use the configured transport.
 */
export function isOAuth({ headers, body }: FastifyRequest): boolean {
  return isForm(headers['content-type']) && OAUTH_PARAMETERS.some((name) => Object.hasOwn(Object(body), name))
}

/**
 * Returns a required parameter (RFC 6749, section 3.2).
 * @throws {OAuthError} if the parameter is missing, empty or repeated
 */
export function requireParameter({ body }: FastifyRequest, name: string): string {
  const value = Object(body)[name]
  if (typeof value !== 'string' || value === '') {
    throw new OAuthError(
      'invalid_request',
      `The parameter ${name} must be present exactly once and must not be empty`
    )
  }
  return value
}

/** Returns a parameter that may be missing. An empty one counts as missing (RFC 6749, section 3.2). */
export function optionalParameter({ body }: FastifyRequest, name: string): string | undefined {
  return Object(body)[name] || undefined
}

/** @throws {OAuthError} if a parameter is repeated */
export function rejectRepeatedParameters({ body }: FastifyRequest): void {
  if (Object.values(Object(body)).some(Array.isArray))
    throw new OAuthError('invalid_request', 'A parameter is repeated')
}

/**
 * The transport of OAuth clients: the body. The response also contains the scopes of the access token, because they may
 * differ from those that the client asked for (RFC 6749, section 5.1).
 */
export const oauthTransport: TokenTransport = {
  ...bodyTransport,
  write(request, reply, tokens) {
    const { scope } = tokens.claims
    const response = bodyTransport.write(request, reply, tokens)
    return typeof scope === 'string' && scope !== '' ? { ...response, scope } : response
  }
}

/** The errors of a refresh token that the server will never accept. */
const REJECTED_TOKEN = new Set<string>([
  errorCodes.RefreshTokenInvalid,
  errorCodes.RefreshTokenExpired,
  errorCodes.RefreshTokenReused,
  errorCodes.SessionRevoked
])

/** Returns whether the server will never accept the refresh token of the request. */
export function isTokenRejected(error: unknown): error is FastifyError {
  return isPluginError(error) && REJECTED_TOKEN.has(error.code)
}

/** The OAuth error of each plugin error that has one. */
const OAUTH_ERRORS = new Map<string, OAuthErrorCode>([
  ...[...REJECTED_TOKEN].map((code) => [code, 'invalid_grant'] as const),
  [errorCodes.ProofRequired, 'invalid_grant'],
  [errorCodes.ProofKeyMismatch, 'invalid_grant'],
  [errorCodes.ProofInvalid, 'invalid_dpop_proof'],
  [errorCodes.ProofNonce, 'use_dpop_nonce'],
  [errorCodes.InvalidScope, 'invalid_scope']
])

/** Sends an error that OAuth defines. Throws other errors again, for example a 503 if the store is unavailable. */
export function sendOAuthError(reply: FastifyReply, error: unknown): FastifyReply {
  const code = isPluginError(error) && OAUTH_ERRORS.get(error.code)
  const oauthError = code ? new OAuthError(code, error.message) : error
  if (!(oauthError instanceof OAuthError)) throw error
  const { nonce } = Object(error) as { nonce?: string }
  if (nonce !== undefined) reply.header(NONCE_HEADER, nonce)
  return reply.code(400).send({ error: oauthError.error, error_description: oauthError.message })
}
