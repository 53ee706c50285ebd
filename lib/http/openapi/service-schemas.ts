import { documentationOnly } from './documentation-only.js'
import {
  crossOrigin,
  oauthError,
  rejectedByApplication,
  unauthenticatedCaller,
  unavailable
} from './error-schemas.js'
import { type RouteSchema, tags } from './route-schema.js'
import { introspectionBody } from './token-schemas.js'

// The schemas of the routes that other services and OAuth clients call.

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
