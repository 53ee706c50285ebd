import type { FastifySchema } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { documentationOnly } from './documentation-only.js'
import { badRequest, errorResponse, oauthError, refusedByApp } from './error-schemas.js'
import {
  accessToken,
  clearedCookie,
  logoutBody,
  refreshBody,
  refreshToken,
  type TransportOptions,
  tokens
} from './token-schemas.js'

/** With what `@fastify/swagger` reads: its types are not ours to import. */
export interface RouteSchema extends FastifySchema {
  tags: string[]
  /** Unique among those of one registration. */
  operationId: string
  summary: string
  description?: string
  security: Record<string, string[]>[]
}

/** What tells whether the app reads the access token itself. */
type AccessTokenReadOption = Pick<ResolvedOptions, 'accessToken'>

const tags = ['auth']

const guarded = errorResponse(
  401,
  'NoAccessToken',
  'AccessTokenExpired',
  'AccessTokenInvalid',
  'SessionRevoked'
)
const crossOrigin = errorResponse(403, 'CrossOrigin')
const unavailable = errorResponse(503, 'StoreUnavailable')

const session = {
  type: 'object',
  required: ['id', 'created_at', 'last_used_at', 'expires_at', 'current', 'metadata'],
  properties: {
    id: { type: 'string' },
    created_at: { type: 'string', format: 'date-time' },
    last_used_at: { type: 'string', format: 'date-time', description: 'To the hour, not before created_at' },
    expires_at: { type: 'string', format: 'date-time', description: 'To the hour' },
    current: { type: 'boolean', description: 'The session of this access token' },
    metadata: { type: 'object', additionalProperties: true }
  }
}

export function loginSchema(ways: TransportOptions): RouteSchema {
  return {
    tags,
    operationId: 'login',
    summary: 'Log in',
    security: [],
    response: {
      200: documentationOnly(tokens(ways)),
      400: badRequest,
      401: errorResponse(401, 'InvalidCredentials'),
      403: crossOrigin,
      503: unavailable
    }
  }
}

export function refreshSchema(ways: TransportOptions): RouteSchema {
  return {
    tags,
    operationId: 'refresh',
    summary: 'Exchange the refresh token for a new pair of tokens',
    description:
      'A form (`application/x-www-form-urlencoded`) with `grant_type=refresh_token` and `refresh_token` ' +
      'speaks OAuth (RFC 6749 section 6), and is answered in the body alone.',
    security: [...refreshToken(ways), {}],
    ...refreshBody(ways),
    response: {
      200: tokens(ways),
      400: oauthError,
      401: errorResponse(
        401,
        'NoRefreshToken',
        'RefreshTokenInvalid',
        'RefreshTokenExpired',
        'RefreshTokenReused',
        'SessionRevoked'
      ),
      403: crossOrigin,
      503: unavailable
    }
  }
}

export function logoutSchema(ways: TransportOptions): RouteSchema {
  return {
    tags,
    operationId: 'logout',
    summary: 'Log out: end the sessions of the tokens that come with the request',
    description:
      'A form (`application/x-www-form-urlencoded`) with `token` speaks OAuth (RFC 7009), and ends the session ' +
      'of that token alone.',
    security: [...refreshToken(ways), ...accessToken, {}],
    ...logoutBody(ways),
    response: { 200: done(clearedCookie(ways)), 400: oauthError, 403: crossOrigin, 503: unavailable }
  }
}

export function logoutAllSchema(options: TransportOptions & AccessTokenReadOption): RouteSchema {
  return {
    tags,
    operationId: 'logoutAll',
    summary: 'Log out everywhere: end all sessions of the user',
    security: accessToken,
    response: {
      200: {
        type: 'object',
        description: 'Done',
        required: ['revoked'],
        properties: { revoked: { type: 'integer', description: 'How many sessions ended' } },
        headers: clearedCookie(options)
      },
      401: guarded,
      ...refusedOrigin(options),
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
    operationId: 'endSession',
    summary: "End one of the user's sessions",
    security: accessToken,
    response: {
      200: done({}),
      401: guarded,
      ...refusedOrigin(options),
      404: errorResponse(404, 'SessionNotFound'),
      503: unavailable
    }
  }
}

/** RFC 7517 sections 4 and 5. Nothing leaves but what is listed: no member of a private key is. */
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
    '4xx': refusedByApp
  }
}

/** What asks for an access token has the CSRF check as well, where the app reads that token. */
function refusedOrigin({ accessToken: { read } }: AccessTokenReadOption): object {
  return read ? { 403: crossOrigin } : {}
}

function done(headers: object): object {
  return { type: 'object', description: 'Done', properties: {}, headers }
}
