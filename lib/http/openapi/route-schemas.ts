import type { ResolvedOptions } from '../../options/resolve.js'
import { isTokenForgeable } from '../transport/transport.js'
import { documentationOnly } from './documentation-only.js'
import {
  badRequest,
  crossOrigin,
  errorResponse,
  oauthError,
  unavailable,
  withHeaders,
  withProperties
} from './error-schemas.js'
import { canBind, PROOF_ERRORS, type ProofOptions, proofHeader, requiredNonce } from './proof-schemas.js'
import { type RouteSchema, tags } from './route-schema.js'
import {
  accessToken,
  clearedCookie,
  logoutBody,
  refreshBody,
  refreshToken,
  rejectionMark,
  type TransportOptions,
  tokens
} from './token-schemas.js'

/** Its option `read` can take the access token from a cookie. Some routes then also need the CSRF check. */
type AccessTokenReadOption = Pick<ResolvedOptions, 'accessToken'>

type StepUpOption = Pick<ResolvedOptions, 'routes'>

const GUARD_ERRORS = ['NoAccessToken', 'AccessTokenExpired', 'AccessTokenInvalid', 'SessionRevoked'] as const
const guarded = errorResponse(401, ...GUARD_ERRORS)

/** A route that may require step-up authentication. */
function guardedByStepUp({ routes }: StepUpOption): object {
  return routes.stepUp ? errorResponse(401, ...GUARD_ERRORS, 'InsufficientAuthentication') : guarded
}

const rejectedRefresh = errorResponse(
  401,
  'NoRefreshToken',
  'RefreshTokenInvalid',
  'RefreshTokenExpired',
  'RefreshTokenReused',
  'SessionRevoked',
  ...PROOF_ERRORS
)
const rejectedLogout = errorResponse(401, ...PROOF_ERRORS)
const rejectedForm = withHeaders(oauthError, requiredNonce.headers)

const session = {
  type: 'object',
  required: ['id', 'name', 'created_at', 'last_used_at', 'expires_at', 'current', 'bound', 'metadata'],
  properties: {
    id: { type: 'string' },
    name: { type: ['string', 'null'], description: 'The name that the user gave the device' },
    created_at: { type: 'string', format: 'date-time' },
    last_used_at: {
      type: 'string',
      format: 'date-time',
      description: 'Rounded down to the hour, but not before created_at'
    },
    expires_at: { type: 'string', format: 'date-time', description: 'Rounded up to the hour' },
    current: { type: 'boolean', description: 'Whether this is the session of the access token' },
    bound: { type: 'boolean', description: 'Whether a refresh needs a proof of the key of the client' },
    metadata: { type: 'object', additionalProperties: true }
  }
}

const limitReached = withProperties(errorResponse(409, 'SessionLimit'), {
  sessions: { type: 'array', items: session }
})

export function loginSchema(
  options: TransportOptions & ProofOptions & Pick<ResolvedOptions, 'session'>
): RouteSchema {
  return {
    tags,
    operationId: 'login',
    summary: 'Log in',
    security: [],
    ...(canBind(options) && proofHeader),
    response: {
      200: documentationOnly(tokens(options)),
      400: badRequest,
      401: errorResponse(401, 'InvalidCredentials', ...(canBind(options) ? PROOF_ERRORS : [])),
      403: crossOrigin,
      ...(options.session.onLimit !== 'evict-oldest' && { 409: limitReached }),
      503: unavailable
    }
  }
}

export function refreshSchema(options: TransportOptions & ProofOptions & AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'refresh',
    summary: 'Exchange the refresh token for a new pair of tokens',
    description:
      'A form (`application/x-www-form-urlencoded`) with `grant_type=refresh_token` and `refresh_token` ' +
      'is an OAuth request (RFC 6749, section 6). The response then has the tokens only in its body.',
    security: [...refreshToken(options), {}],
    ...proofHeader,
    ...refreshBody(options),
    response: {
      200: tokens(options),
      400: rejectedForm,
      401: withHeaders(rejectedRefresh, rejectionMark(options)),
      ...(isTokenForgeable(options) && { 403: crossOrigin }),
      503: errorResponse(503, 'StoreUnavailable', 'RefreshConflict')
    }
  }
}

export function logoutSchema(options: TransportOptions & AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'logout',
    summary: 'Log out: revoke the sessions of the presented tokens',
    description:
      'A form (`application/x-www-form-urlencoded`) with `token` is an OAuth request (RFC 7009). It revokes only ' +
      'the session of that token.',
    security: [...refreshToken(options), ...accessToken, {}],
    ...proofHeader,
    ...logoutBody(options),
    response: {
      200: done(clearedCookie(options)),
      400: rejectedForm,
      401: withHeaders(rejectedLogout, clearedCookie(options)),
      ...(isTokenForgeable(options) && { 403: crossOrigin }),
      503: unavailable
    }
  }
}

export function logoutAllSchema(
  options: TransportOptions & AccessTokenReadOption & StepUpOption
): RouteSchema {
  return {
    tags,
    operationId: 'logoutAll',
    summary: 'Log out everywhere: revoke all sessions of the user',
    security: accessToken,
    response: {
      200: revokedCount(clearedCookie(options)),
      401: guardedByStepUp(options),
      ...crossOriginResponse(options),
      503: unavailable
    }
  }
}

export function logoutOthersSchema(options: AccessTokenReadOption & StepUpOption): RouteSchema {
  return {
    tags,
    operationId: 'logoutOthers',
    summary: "Log out on other devices: revoke the user's sessions, except the current one",
    security: accessToken,
    response: {
      200: revokedCount({}),
      401: guardedByStepUp(options),
      ...crossOriginResponse(options),
      503: unavailable
    }
  }
}

export const listSchema: RouteSchema = {
  tags,
  operationId: 'listSessions',
  summary: "List the user's sessions",
  security: accessToken,
  response: {
    200: {
      type: 'object',
      description: 'The sessions, oldest first',
      required: ['sessions'],
      properties: { sessions: { type: 'array', items: session } }
    },
    401: guarded,
    503: unavailable
  }
}

const deviceName = documentationOnly({
  type: 'object',
  required: ['name'],
  properties: {
    name: {
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 64,
      description: 'Without control characters. `null` removes the name'
    }
  }
})

export function renameSchema(options: AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'renameSession',
    summary: "Give one of the user's sessions another device name",
    security: accessToken,
    body: { content: { 'application/json': { schema: deviceName } } },
    response: {
      200: { ...session, description: 'The session' },
      400: errorResponse(400, 'InvalidName'),
      401: guarded,
      ...crossOriginResponse(options),
      404: errorResponse(404, 'SessionNotFound'),
      503: unavailable
    }
  }
}

export function deleteSchema(options: AccessTokenReadOption & StepUpOption): RouteSchema {
  return {
    tags,
    operationId: 'revokeSession',
    summary: "Revoke one of the user's sessions",
    security: accessToken,
    response: {
      200: done({}),
      401: guardedByStepUp(options),
      ...crossOriginResponse(options),
      404: errorResponse(404, 'SessionNotFound'),
      503: unavailable
    }
  }
}

/** Guarded routes have the CSRF check only if the application reads the access token itself. */
function crossOriginResponse({ accessToken: { read } }: AccessTokenReadOption): object {
  return read ? { 403: crossOrigin } : {}
}

function revokedCount(headers: object): object {
  return {
    type: 'object',
    description: 'Done',
    required: ['revoked'],
    properties: { revoked: { type: 'integer', description: 'Number of revoked sessions' } },
    headers
  }
}

function done(headers: object): object {
  return { type: 'object', description: 'Done', properties: {}, headers }
}
