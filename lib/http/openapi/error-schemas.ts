import { STATUS_CODES } from 'node:http'
import { errors } from '../../errors.js'
import { documentationOnly } from './documentation-only.js'
import { requiredNonce } from './proof-schemas.js'

const FIELDS = {
  statusCode: { type: 'integer' },
  code: { type: 'string', description: 'Stable error code. Compare errors by this field' },
  error: { type: 'string', description: 'Name of the HTTP status' },
  message: { type: 'string', description: 'Human-readable description' }
}

/** The headers of a status. They do not depend on the error handler of the application. */
const HEADERS: Readonly<Record<number, object>> = {
  401: {
    'www-authenticate': {
      type: 'string',
      description:
        'Challenge (RFC 6750, section 3, and for a proof RFC 9449, section 7.1). ' +
        'Has an `error` unless the request has no token'
    }
  },
  503: {
    'retry-after': { type: 'integer', description: 'Seconds to wait before the next attempt' }
  }
}

type Name = Exclude<keyof typeof errors, 'InvalidOption'>

/** Returns the schema of a response with one of these errors, in the format of Fastify. */
export function errorResponse(status: 400 | 401 | 403 | 404 | 409 | 503, ...names: Name[]): object {
  const instances = names.map((name) => new errors[name]())
  const nonce = names.includes('ProofNonce') ? requiredNonce : undefined
  const headers = { ...HEADERS[status], ...nonce?.headers }
  return documentationOnly({
    type: 'object',
    description: instances.map(({ code, message }) => `\`${code}\`: ${message}.`).join(' '),
    required: ['statusCode', 'error', 'message'],
    properties: { ...FIELDS, ...nonce?.properties },
    examples: instances.map(({ code, message }) => ({
      statusCode: status,
      code,
      error: STATUS_CODES[status],
      message
    })),
    ...(Object.keys(headers).length > 0 && { headers })
  })
}

/** Returns the schema of a response that also has other headers. */
export function withHeaders(response: object, headers: object): object {
  const { headers: others } = response as { headers?: object }
  return documentationOnly({ ...response, headers: { ...others, ...headers } })
}

/** Returns the schema of a response whose body also has other members. */
export function withProperties(response: object, properties: object): object {
  const { properties: others } = response as { properties?: object }
  return documentationOnly({ ...response, properties: { ...others, ...properties } })
}

export const badRequest = documentationOnly({
  type: 'object',
  description: 'The body is empty, cannot be parsed, or does not match the schema.',
  required: ['statusCode', 'error', 'message'],
  properties: FIELDS
})

/** The plugin itself does not reject requests to this route. */
export const rejectedByApplication = documentationOnly({
  type: 'object',
  description: 'The application rejected the request, for example because of a rate limit.',
  required: ['statusCode', 'error', 'message'],
  properties: FIELDS
})

/** RFC 6749, section 5.2, and RFC 7662, section 2.3. */
export const unauthenticatedCaller = documentationOnly({
  type: 'object',
  description: 'The caller has not authenticated.',
  required: ['error', 'error_description'],
  properties: {
    error: { type: 'string', enum: ['invalid_client'] },
    error_description: { type: 'string', description: 'Human-readable description' }
  },
  headers: HEADERS[401]
})

/** RFC 6749, section 5.2 for a form. For JSON that cannot be parsed, the error of Fastify. */
export const oauthError = documentationOnly({
  type: 'object',
  description:
    'For a form, an error as defined in RFC 6749, section 5.2. Otherwise the body cannot be parsed.',
  required: ['error'],
  properties: {
    ...FIELDS,
    error: {
      type: 'string',
      description:
        '`invalid_request`, `invalid_grant`, `invalid_scope`, `unsupported_grant_type`, `invalid_dpop_proof` or ' +
        '`use_dpop_nonce`. Otherwise the name of the HTTP status'
    },
    error_description: { type: 'string', description: 'Human-readable description' }
  },
  examples: [{ error: 'invalid_grant', error_description: 'The refresh token has expired' }]
})

export const crossOrigin = errorResponse(403, 'CrossOrigin')
export const unavailable = errorResponse(503, 'StoreUnavailable')
