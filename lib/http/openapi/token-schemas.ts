import type { ResolvedOptions } from '../../options/resolve.js'
import { transportsOf } from '../transport/transport.js'
import { documentationOnly } from './documentation-only.js'
import { offeredNonce, type ProofOptions } from './proof-schemas.js'

/** The options that determine where tokens are sent. */
export type TransportOptions = Pick<ResolvedOptions, 'transport' | 'header'>

type Security = Record<string, string[]>[]

/** The names come from `securitySchemes`. */
export const accessToken: Security = [{ bearerAuth: [] }]

export function refreshToken({ transport }: TransportOptions): Security {
  const transports = transportsOf(transport)
  return [
    ...(transports.includes('cookie') ? [{ refreshTokenCookie: [] }] : []),
    ...(transports.includes('header') ? [{ refreshTokenHeader: [] }] : [])
  ]
}

/** RFC 6749, section 5.1. */
export function tokens({ transport, header, binding }: TransportOptions & ProofOptions): object {
  const inBody = transport === 'body' ? ['refresh_token', 'refresh_token_expires_in'] : []
  return {
    type: 'object',
    description: 'The tokens',
    required: ['access_token', 'token_type', 'expires_in', ...inBody],
    properties: {
      access_token: { type: 'string', description: 'A JWT' },
      token_type: { type: 'string', enum: ['Bearer'] },
      expires_in: { type: 'integer', description: 'Lifetime of the access token, in seconds' },
      refresh_token: { type: 'string', description: 'Present if the refresh token is sent in the body' },
      refresh_token_expires_in: {
        type: 'integer',
        description: 'Lifetime of the refresh token if it is not used, in seconds'
      },
      scope: { type: 'string', description: 'Present in the response to a form, if the token has scopes' }
    },
    headers: { ...tokenHeaders({ transport, header }), ...offeredNonce({ binding }) }
  }
}

function tokenHeaders({ transport, header }: TransportOptions): object {
  const transports = transportsOf(transport)
  return {
    ...(transports.includes('cookie') && {
      'set-cookie': { type: 'string', description: 'The refresh token, unless the browser already has it' }
    }),
    ...(transports.includes('header') && {
      [header.refreshToken]: { type: 'string', description: 'The refresh token' },
      [header.accessToken]: { type: 'string', description: 'The access token' }
    })
  }
}

export function clearedCookie({ transport }: TransportOptions): object {
  return transportsOf(transport).includes('cookie')
    ? { 'set-cookie': { type: 'string', description: 'Deletes the cookie with the refresh token' } }
    : {}
}

export function rejectionMark({ transport }: TransportOptions): object {
  return transportsOf(transport).includes('cookie')
    ? {
        'set-cookie': {
          type: 'string',
          description: 'Marks the refresh token as rejected, in a second cookie'
        }
      }
    : {}
}

const token = { type: 'string', minLength: 1 }
const clientId = { type: 'string', description: 'Ignored' }

/** RFC 6749, section 6. */
const refreshForm = {
  type: 'object',
  required: ['grant_type', 'refresh_token'],
  properties: {
    grant_type: { type: 'string', enum: ['refresh_token'] },
    refresh_token: token,
    scope: { type: 'string', description: 'Some scopes of the session, separated by spaces. Default: all' },
    client_id: clientId
  }
}

/** RFC 7009, section 2.1. */
const revocationForm = {
  type: 'object',
  required: ['token'],
  properties: {
    token: { ...token, description: 'A refresh token or an access token' },
    token_type_hint: { type: 'string', description: 'Ignored' },
    client_id: clientId
  }
}

/** RFC 7662, section 2.1. */
const introspectionForm = {
  type: 'object',
  required: ['token'],
  properties: {
    token: { ...token, description: 'An access token' },
    token_type_hint: { type: 'string', description: 'Ignored' }
  }
}

export const introspectionBody = {
  content: { 'application/x-www-form-urlencoded': { schema: documentationOnly(introspectionForm) } }
}

export const refreshBody = (options: TransportOptions) => bodySchema(options, refreshForm)
export const logoutBody = (options: TransportOptions) => bodySchema(options, revocationForm)

/**
 * Returns the schema of a body with the refresh token, as JSON or as a form. Without the transport `body` it returns no
 * schema, because generated clients must send a documented body. The description mentions the form in both cases.
 */
function bodySchema({ transport }: TransportOptions, form: object): { body?: object } {
  if (!transportsOf(transport).includes('body')) return {}
  const json = {
    type: 'object',
    properties: { refresh_token: token },
    ...(transport === 'body' && { required: ['refresh_token'] })
  }
  return {
    body: {
      content: {
        'application/json': { schema: documentationOnly(json) },
        'application/x-www-form-urlencoded': { schema: documentationOnly(form) }
      }
    }
  }
}
