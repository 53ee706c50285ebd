import { createError, type FastifyError, type FastifyErrorConstructor } from '@fastify/error'

/**
 * All errors of this package: code, message and status. Messages to a client are generic. The reason is in the `cause`,
 * for the log.
 */
const ERRORS = {
  InvalidOption: ['FRT_ERR_INVALID_OPTION', '%s', 500],
  InvalidIdentity: ['FRT_ERR_INVALID_IDENTITY', 'The application returned an invalid identity', 500],
  InvalidCallbackResult: [
    'FRT_ERR_INVALID_CALLBACK_RESULT',
    'A function of the application returned an invalid result',
    500
  ],
  EmptyBody: ['FRT_ERR_EMPTY_BODY', 'The login requires a body', 400],
  InvalidName: [
    'FRT_ERR_INVALID_NAME',
    'The name must be null, or 1 to 64 characters without control characters',
    400
  ],
  InvalidCredentials: ['FRT_ERR_INVALID_CREDENTIALS', 'The credentials are invalid', 401],
  NoAccessToken: ['FRT_ERR_NO_ACCESS_TOKEN', 'An access token is required', 401],
  AccessTokenExpired: ['FRT_ERR_ACCESS_TOKEN_EXPIRED', 'The access token has expired', 401],
  AccessTokenInvalid: ['FRT_ERR_ACCESS_TOKEN_INVALID', 'The access token is invalid', 401],
  SessionRevoked: ['FRT_ERR_SESSION_REVOKED', 'The session was revoked', 401],
  SessionNotFound: ['FRT_ERR_SESSION_NOT_FOUND', 'The session does not exist', 404],
  NoRefreshToken: ['FRT_ERR_NO_REFRESH_TOKEN', 'A refresh token is required', 401],
  RefreshTokenInvalid: ['FRT_ERR_REFRESH_TOKEN_INVALID', 'The refresh token is invalid', 401],
  RefreshTokenExpired: ['FRT_ERR_REFRESH_TOKEN_EXPIRED', 'The refresh token has expired', 401],
  RefreshTokenReused: [
    'FRT_ERR_REFRESH_TOKEN_REUSED',
    'The refresh token was used before, and the session was revoked',
    401
  ],
  RefreshConflict: [
    'FRT_ERR_REFRESH_CONFLICT',
    'The refresh token was replaced by a newer one. Try again later',
    503
  ],
  NotRegistered: ['FRT_ERR_NOT_REGISTERED', 'The authentication of this route is not configured', 500],
  SessionLimit: ['FRT_ERR_SESSION_LIMIT', 'The user has the maximum number of sessions', 409],
  InvalidScope: ['FRT_ERR_INVALID_SCOPE', 'The requested scope exceeds the scope of the session', 400],
  ProofRequired: ['FRT_ERR_PROOF_REQUIRED', 'A proof of possession of the key is required', 401],
  ProofInvalid: ['FRT_ERR_PROOF_INVALID', 'The proof of possession is invalid', 401],
  ProofNonce: ['FRT_ERR_PROOF_NONCE', 'The proof of possession must contain the nonce of this server', 401],
  ProofKeyMismatch: ['FRT_ERR_PROOF_KEY_MISMATCH', 'The session is bound to another key', 401],
  InsufficientAuthentication: [
    'FRT_ERR_INSUFFICIENT_AUTHENTICATION',
    'The request requires a more recent or a stronger authentication',
    401
  ],
  InsufficientScope: ['FRT_ERR_INSUFFICIENT_SCOPE', 'The access token does not allow this request', 403],
  CrossOrigin: ['FRT_ERR_CROSS_ORIGIN', 'Requests from this origin are not allowed', 403],
  StoreUnavailable: ['FRT_ERR_STORE_UNAVAILABLE', 'The session store is unavailable. Try again later', 503],
  KeysUnavailable: [
    'FRT_ERR_KEYS_UNAVAILABLE',
    'The keys that verify access tokens are unavailable. Try again later',
    503
  ]
} as const

type ErrorName = keyof typeof ERRORS

/** The code of each error, by name, for example `errorCodes.RefreshTokenReused`. */
export const errorCodes = mapErrors(([code]) => code) as { readonly [N in ErrorName]: (typeof ERRORS)[N][0] }

export type ErrorCode = (typeof errorCodes)[ErrorName]

/**
 * The constructor of each error, by name. Compare errors by `code`, not with `instanceof`: the ESM build and the
 * CommonJS build have different classes.
 */
export const errors = mapErrors(([code, message, status]) =>
  // Client errors have no stack trace: they are frequent, and the code is enough for the log.
  createError(code, message, status, Error, status >= 500)
) as { readonly [N in ErrorName]: FastifyErrorConstructor<{ code: (typeof ERRORS)[N][0] }, [unknown?]> }

function mapErrors<T>(map: (error: (typeof ERRORS)[ErrorName]) => T): { [name: string]: T } {
  return Object.fromEntries(Object.entries(ERRORS).map(([name, error]) => [name, map(error)]))
}

const CODES = new Set<unknown>(Object.values(errorCodes))

export function isPluginError(error: unknown): error is FastifyError {
  return error instanceof Error && CODES.has((error as FastifyError).code)
}
