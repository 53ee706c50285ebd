import type { FastifyRefreshTokenOptions } from '../../../types/options.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import { optionsSchema } from '../../options/schema.js'
import { transportsOf } from '../transport/transport.js'

/** A security scheme of OpenAPI 3: an access token in `Authorization`, or a token in another header or a cookie. */
export type SecurityScheme =
  | { type: 'http'; scheme: 'bearer'; bearerFormat: 'JWT'; description: string }
  | { type: 'apiKey'; in: 'cookie' | 'header'; name: string; description: string }

/** The security schemes of the plugin's routes. The schemes of the refresh token depend on the option `transport`. */
export type SecuritySchemes = {
  bearerAuth: SecurityScheme
  refreshTokenCookie?: SecurityScheme
  refreshTokenHeader?: SecurityScheme
}

/**
 * Returns `components.securitySchemes` of an OpenAPI document, for `@fastify/swagger`.
 * @param options the options of the plugin, which can change the names of the cookie and the headers
 * @throws {FRT_ERR_INVALID_OPTION} if one of these options is invalid
 */
export function securitySchemes(options: Partial<FastifyRefreshTokenOptions> = {}): SecuritySchemes {
  return schemesOf({
    accessToken: optionsSchema.accessToken(options.accessToken, 'accessToken'),
    cookie: optionsSchema.cookie(options.cookie, 'cookie'),
    header: optionsSchema.header(options.header, 'header'),
    transport: optionsSchema.transport(options.transport, 'transport')
  })
}

type Names = Pick<ResolvedOptions, 'header' | 'transport'> & {
  accessToken: { header: string }
  cookie: { name: string }
}

export function schemesOf({ accessToken, cookie, header, transport }: Names): SecuritySchemes {
  const transports = transportsOf(transport)
  return {
    bearerAuth: accessTokenScheme(accessToken.header),
    ...(transports.includes('cookie') && { refreshTokenCookie: refreshTokenScheme('cookie', cookie.name) }),
    ...(transports.includes('header') && {
      refreshTokenHeader: refreshTokenScheme('header', header.refreshToken)
    })
  }
}

function accessTokenScheme(name: string): SecurityScheme {
  const description = 'Access token'
  return name === 'authorization'
    ? { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description }
    : { type: 'apiKey', in: 'header', name, description }
}

function refreshTokenScheme(location: 'cookie' | 'header', name: string): SecurityScheme {
  return { type: 'apiKey', in: location, name, description: 'Refresh token' }
}
