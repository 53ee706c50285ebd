import type { FastifySchema } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { isTokenForgeable } from '../transport/transport.js'
import { documentationOnly } from './documentation-only.js'
import {
  badRequest,
  errorResponse,
  oauthError,
  rejectedByApplication,
  unauthenticatedCaller,
  withHeaders
} from './error-schemas.js'
import { canBind, PROOF_ERRORS, type ProofOptions, proofHeader, requiredNonce } from './proof-schemas.js'
import {
  accessToken,
  clearedCookie,
  introspectionBody,
  logoutBody,
  refreshBody,
  refreshToken,
  rejectionMark,
  type TransportOptions,
  tokens
} from './token-schemas.js'

/** A schema with the properties that `@fastify/swagger` reads. The plugin does not depend on its types. */
export interface RouteSchema extends FastifySchema {
  tags: string[]
  /** Unique in one registration. */
  operationId: string
  summary: string
  description?: string
  security: Record<string, string[]>[]
}

/** Its option `read` can take the access token from a cookie. Some routes then also need the CSRF check. */
type AccessTokenReadOption = Pick<ResolvedOptions, 'accessToken'>

const tags = ['auth']

const guarded = errorResponse(
  401,
  'NoAccessToken',
  'AccessTokenExpired',
  'AccessTokenInvalid',
  'SessionRevoked'
)
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
const crossOrigin = errorResponse(403, 'CrossOrigin')
const unavailable = errorResponse(503, 'StoreUnavailable')

const session = {
  type: 'object',
  required: ['id', 'created_at', 'last_used_at', 'expires_at', 'current', 'bound', 'metadata'],
  properties: {
    id: { type: 'string' },
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

export function loginSchema(options: TransportOptions & ProofOptions): RouteSchema {
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

export function logoutAllSchema(options: TransportOptions & AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'logoutAll',
    summary: 'Log out everywhere: revoke all sessions of the user',
    security: accessToken,
    response: {
      200: {
        type: 'object',
        description: 'Done',
        required: ['revoked'],
        properties: { revoked: { type: 'integer', description: 'Number of revoked sessions' } },
        headers: clearedCookie(options)
      },
      401: guarded,
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

export function deleteSchema(options: AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'revokeSession',
    summary: "Revoke one of the user's sessions",
    security: accessToken,
    response: {
      200: done({}),
      401: guarded,
      ...crossOriginResponse(options),
      404: errorResponse(404, 'SessionNotFound'),
      503: unavailable
    }
  }
}

/** RFC 7517, sections 4 and 5. The serializer omits all other members, so that no private key can leave the server. */
const jwk = {
  type: 'object',
  required: ['kty', 'kid', 'alg', 'use'],
  properties: {
    kty: { type: 'string' },
    kid: { type: 'string' },
    alg: { type: 'string' },
    use: { type: 'string', enum: ['sig'] },
    crv: { type: 'string' },
    x: { type: 'string' },
    y: { type: 'string' },
    n: { type: 'string' },
    e: { type: 'string' }
  }
}

export const jwksSchema: RouteSchema = {
  tags,
  operationId: 'listKeys',
  summary: 'The public keys that verify access tokens (RFC 7517)',
  security: [],
  response: {
    200: {
      type: 'object',
      description: 'The keys',
      required: ['keys'],
      properties: { keys: { type: 'array', items: jwk } }
    },
    '4xx': rejectedByApplication
  }
}

export const serverMetadataSchema: RouteSchema = {
  tags,
  operationId: 'serverMetadata',
  summary: 'The endpoints for OAuth clients (RFC 8414)',
  security: [],
  response: {
    200: documentationOnly({
      type: 'object',
      description: 'The metadata of the authorization server',
      required: ['issuer', 'response_types_supported'],
      properties: { issuer: { type: 'string' }, response_types_supported: { type: 'array', items: {} } },
      additionalProperties: true
    }),
    '4xx': rejectedByApplication
  }
}

export const introspectSchema: RouteSchema = {
  tags,
  operationId: 'introspect',
  summary: 'Ask whether an access token is active (RFC 7662)',
  description: 'The application decides how the caller authenticates.',
  security: [],
  body: introspectionBody,
  response: {
    200: documentationOnly({
      type: 'object',
      description: 'The claims of an active token. Otherwise only `active`',
      required: ['active'],
      properties: {
        active: { type: 'boolean' },
        token_type: { type: 'string', enum: ['Bearer'] },
        scope: { type: 'string', description: 'Scopes, separated by spaces' },
        sub: { type: 'string' },
        exp: { type: 'integer' },
        iat: { type: 'integer' }
      },
      additionalProperties: true
    }),
    400: oauthError,
    401: unauthenticatedCaller,
    403: crossOrigin,
    503: unavailable
  }
}

/** Guarded routes have the CSRF check only if the application reads the access token itself. */
function crossOriginResponse({ accessToken: { read } }: AccessTokenReadOption): object {
  return read ? { 403: crossOrigin } : {}
}

function done(headers: object): object {
  return { type: 'object', description: 'Done', properties: {}, headers }
}
