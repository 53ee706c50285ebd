import type { FastifyRefreshTokenOptions } from '../../../types/options.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import { optionsSchema } from '../../options/schema.js'
import { transportsOf } from '../transport/transport.js'

/** A security scheme of OpenAPI 3: an access token in `Authorization`, or a token under a name of its own. */
export type SecurityScheme =
  | { type: 'http'; scheme: 'bearer'; bearerFormat: 'JWT'; description: string }
  | { type: 'apiKey'; in: 'cookie' | 'header'; name: string; description: string }

/** Those that the plugin's routes name: the refresh token's by the transports that the options allow. */
export type SecuritySchemes = {
  bearerAuth: SecurityScheme
  refreshTokenCookie?: SecurityScheme
  refreshTokenHeader?: SecurityScheme
}

/**
 * The `components.securitySchemes` of an OpenAPI document, for `@fastify/swagger`.
 * @param options those of the plugin, of which some name a cookie or a header; left out: the default names
 * @throws `FRT_ERR_INVALID_OPTION`
 */
export function securitySchemes(options: Partial<FastifyRefreshTokenOptions> = {}): SecuritySchemes {
  return schemesOf({
    accessToken: optionsSchema.accessToken(options.accessToken, 'accessToken'),
    cookie: optionsSchema.cookie(options.cookie, 'cookie'),
    header: optionsSchema.header(options.header, 'header'),
    transport: optionsSchema.transport(options.transport, 'transport')
  })
}

type Names = Pick<ResolvedOptions, 'cookie' | 'header' | 'transport'> & { accessToken: { header: string } }

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
  const description = 'The access token'
  return name === 'authorization'
    ? { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description }
    : { type: 'apiKey', in: 'header', name, description }
}

function refreshTokenScheme(place: 'cookie' | 'header', name: string): SecurityScheme {
  return { type: 'apiKey', in: place, name, description: 'The refresh token' }
}
