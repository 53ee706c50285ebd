import { STATUS_CODES } from 'node:http'
import { errors } from '../../errors.js'
import { documentationOnly } from './documentation-only.js'

const FIELDS = {
  statusCode: { type: 'integer' },
  code: { type: 'string', description: 'A stable code, to compare by' },
  error: { type: 'string', description: 'The name of the status' },
  message: { type: 'string', description: 'For a person to read' }
}

/** What comes with a status, whoever's error handler makes the body. */
const HEADERS: Readonly<Record<number, object>> = {
  401: {
    'www-authenticate': {
      type: 'string',
      description: 'The challenge (RFC 6750 section 3): with an `error`, unless no token came'
    }
  },
  503: {
    'retry-after': { type: 'integer', description: 'In how many seconds to try again' }
  }
}

type Name = Exclude<keyof typeof errors, 'InvalidOption'>

/** The answer to these errors, in Fastify's own shape. */
export function errorResponse(status: 401 | 403 | 404 | 503, ...names: Name[]): object {
  const kinds = names.map((name) => new errors[name]())
  const headers = HEADERS[status]
  return documentationOnly({
    type: 'object',
    description: kinds.map(({ code, message }) => `\`${code}\`: ${message}.`).join(' '),
    required: ['statusCode', 'error', 'message'],
    properties: FIELDS,
    examples: kinds.map(({ code, message }) => ({
      statusCode: status,
      code,
      error: STATUS_CODES[status],
      message
    })),
    ...(headers && { headers })
  })
}

export const badRequest = documentationOnly({
  type: 'object',
  description: 'The body cannot be read, or is not as it has to be.',
  required: ['statusCode', 'error', 'message'],
  properties: FIELDS
})

/** The plugin itself refuses nobody here. */
export const refusedByApp = documentationOnly({
  type: 'object',
  description: 'What the app says to a request that it refuses: a rate limit, for example.',
  required: ['statusCode', 'error', 'message'],
  properties: FIELDS
})

/** RFC 6749 section 5.2, for a form; JSON that cannot be read is answered as everywhere. */
export const oauthError = documentationOnly({
  type: 'object',
  description: 'A form is answered as RFC 6749 section 5.2 has it. Else the body cannot be read.',
  required: ['error'],
  properties: {
    ...FIELDS,
    error: {
      type: 'string',
      description:
        '`invalid_request`, `invalid_grant` or `unsupported_grant_type`; else the name of the status'
    },
    error_description: { type: 'string', description: 'For a person to read' }
  },
  examples: [{ error: 'invalid_grant', error_description: 'The refresh token has expired' }]
})
