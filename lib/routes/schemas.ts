import type { FastifySchema } from 'fastify'

/** With what `@fastify/swagger` reads: its types are not ours to import. */
interface RouteSchema extends FastifySchema {
  tags: string[]
  summary: string
  security: Record<string, string[]>[]
}

/**
 * An error as Fastify answers it. Open and without types: a serializer that knew them would spoil what an
 * app's own error handler answers instead.
 */
const error = {
  type: 'object',
  properties: {
    statusCode: { description: 'the status' },
    code: { description: 'a stable code: FRT_ERR_…' },
    error: { description: 'the name of the status' },
    message: { description: 'for a person to read' }
  },
  additionalProperties: true
}

/** RFC 6749 section 5.2, for requests that speak OAuth. */
const oauthError = {
  type: 'object',
  properties: {
    ...error.properties,
    error: { description: 'the name of the status, or an error code of RFC 6749' },
    error_description: { description: 'for a person to read' }
  },
  additionalProperties: true
}

const empty = { type: 'object', properties: {} }

/** RFC 6749 section 5.1. */
const tokens = {
  type: 'object',
  required: ['access_token', 'token_type', 'expires_in'],
  properties: {
    access_token: { type: 'string' },
    token_type: { type: 'string', enum: ['Bearer'] },
    expires_in: { type: 'integer', description: 'seconds' },
    refresh_token: { type: 'string' },
    refresh_token_expires_in: { type: 'integer', description: 'seconds' }
  }
}

const session = {
  type: 'object',
  required: ['id', 'created_at', 'last_used_at', 'expires_at', 'current', 'metadata'],
  properties: {
    id: { type: 'string' },
    created_at: { type: 'string', format: 'date-time' },
    last_used_at: { type: 'string', format: 'date-time', description: 'to the hour' },
    expires_at: { type: 'string', format: 'date-time', description: 'to the hour' },
    current: { type: 'boolean' },
    metadata: { type: 'object', additionalProperties: true }
  }
}

const tags = ['auth']
const bearer = [{ bearerAuth: [] }]
const refreshToken = [{ refreshToken: [] }]

export const loginSchema: RouteSchema = {
  tags,
  summary: 'Log in',
  security: [],
  // Open, for the app's own `login` may answer something else: a second factor.
  response: {
    200: { ...tokens, required: [], additionalProperties: true },
    401: error,
    403: error,
    503: error
  }
}

export const refreshSchema: RouteSchema = {
  tags,
  summary: 'Exchange the refresh token for a new pair of tokens',
  security: refreshToken,
  response: { 200: tokens, 400: oauthError, 401: error, 403: error, 503: error }
}

export const logoutSchema: RouteSchema = {
  tags,
  summary: 'Log out: end the sessions of the tokens that come with the request',
  security: [...refreshToken, ...bearer],
  response: { 200: empty, 400: oauthError, 403: error, 503: error }
}

export const logoutAllSchema: RouteSchema = {
  tags,
  summary: 'Log out everywhere: end all sessions of the user',
  security: bearer,
  response: {
    200: { type: 'object', required: ['revoked'], properties: { revoked: { type: 'integer' } } },
    401: error,
    503: error
  }
}

export const listSchema: RouteSchema = {
  tags,
  summary: "List the user's sessions",
  security: bearer,
  response: {
    200: {
      type: 'object',
      required: ['sessions'],
      properties: { sessions: { type: 'array', items: session } }
    },
    401: error,
    503: error
  }
}

export const deleteSchema: RouteSchema = {
  tags,
  summary: "End one of the user's sessions",
  security: bearer,
  params: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  response: { 200: empty, 401: error, 404: error, 503: error }
}
