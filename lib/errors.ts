import { createError, type FastifyError } from '@fastify/error'

/** What a client is refused has no stack: it happens all day, and the log needs the code alone. */
function refusal(code: string, message: string, statusCode: 401 | 403 | 404) {
  return createError(code, message, statusCode, Error, false)
}

/**
 * Every error of this package. Messages to a client are generic: the reason goes to the log.
 * Compare by `code`, never by `instanceof`: the ESM and the CommonJS build have classes of their own.
 */
export const errors = {
  InvalidOption: createError<[string, string]>('FRT_ERR_INVALID_OPTION', '%s must be %s', 500),
  InvalidCredentials: refusal('FRT_ERR_INVALID_CREDENTIALS', 'The credentials are not valid', 401),
  InvalidIdentity: createError('FRT_ERR_INVALID_IDENTITY', 'The application gave no valid identity', 500),
  NoAccessToken: refusal('FRT_ERR_NO_ACCESS_TOKEN', 'An access token is required', 401),
  AccessTokenExpired: refusal('FRT_ERR_ACCESS_TOKEN_EXPIRED', 'The access token has expired', 401),
  AccessTokenInvalid: refusal('FRT_ERR_ACCESS_TOKEN_INVALID', 'The access token is not valid', 401),
  SessionRevoked: refusal('FRT_ERR_SESSION_REVOKED', 'The session has ended', 401),
  SessionNotFound: refusal('FRT_ERR_SESSION_NOT_FOUND', 'There is no such session', 404),
  NoRefreshToken: refusal('FRT_ERR_NO_REFRESH_TOKEN', 'A refresh token is required', 401),
  RefreshTokenInvalid: refusal('FRT_ERR_REFRESH_TOKEN_INVALID', 'The refresh token is not valid', 401),
  RefreshTokenExpired: refusal('FRT_ERR_REFRESH_TOKEN_EXPIRED', 'The refresh token has expired', 401),
  RefreshTokenReused: refusal(
    'FRT_ERR_REFRESH_TOKEN_REUSED',
    'The refresh token was used before: the session has ended',
    401
  ),
  InsufficientScope: refusal(
    'FRT_ERR_INSUFFICIENT_SCOPE',
    'The access token does not allow this request',
    403
  ),
  CrossOrigin: refusal('FRT_ERR_CROSS_ORIGIN', 'Requests from this origin are not allowed', 403),
  StoreUnavailable: createError(
    'FRT_ERR_STORE_UNAVAILABLE',
    'The session store is not available: try again',
    503
  ),
  KeysUnavailable: createError(
    'FRT_ERR_KEYS_UNAVAILABLE',
    'The keys that verify access tokens are not known: try again',
    503
  )
} as const

/** The codes of all errors, by name: `errorCodes.RefreshTokenReused`. */
export const errorCodes = {
  InvalidOption: 'FRT_ERR_INVALID_OPTION',
  InvalidCredentials: 'FRT_ERR_INVALID_CREDENTIALS',
  InvalidIdentity: 'FRT_ERR_INVALID_IDENTITY',
  NoAccessToken: 'FRT_ERR_NO_ACCESS_TOKEN',
  AccessTokenExpired: 'FRT_ERR_ACCESS_TOKEN_EXPIRED',
  AccessTokenInvalid: 'FRT_ERR_ACCESS_TOKEN_INVALID',
  SessionRevoked: 'FRT_ERR_SESSION_REVOKED',
  SessionNotFound: 'FRT_ERR_SESSION_NOT_FOUND',
  NoRefreshToken: 'FRT_ERR_NO_REFRESH_TOKEN',
  RefreshTokenInvalid: 'FRT_ERR_REFRESH_TOKEN_INVALID',
  RefreshTokenExpired: 'FRT_ERR_REFRESH_TOKEN_EXPIRED',
  RefreshTokenReused: 'FRT_ERR_REFRESH_TOKEN_REUSED',
  InsufficientScope: 'FRT_ERR_INSUFFICIENT_SCOPE',
  CrossOrigin: 'FRT_ERR_CROSS_ORIGIN',
  StoreUnavailable: 'FRT_ERR_STORE_UNAVAILABLE',
  KeysUnavailable: 'FRT_ERR_KEYS_UNAVAILABLE'
} as const

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes]

const CODES = new Set<unknown>(Object.values(errorCodes))

export function isOurs(error: unknown): error is FastifyError {
  return error instanceof Error && CODES.has((error as FastifyError).code)
}
