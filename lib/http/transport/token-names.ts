import type { Sessions } from '../../../types/fastify.js'
import type { ResolvedOptions } from '../../options/resolve.js'

/** The names by which the tokens of an instance travel. */
export interface TokenNames {
  /** The header of a request that carries the access token. */
  accessToken: string
  /** The refresh token's cookie. */
  cookie: string
  /** The refresh token's header. */
  header: string
}

/** The same in every copy of this module: an app may run the CommonJS build, and its tests the other. */
const TOKEN_NAMES = Symbol.for('fastify-refresh-token.carriers')

/** Notes them where `fastify-refresh-token/testing` finds them. */
export function attachTokenNames(
  sessions: Sessions,
  { accessToken, cookie, header }: Pick<ResolvedOptions, 'accessToken' | 'cookie' | 'header'>
): Sessions {
  const value: TokenNames = {
    accessToken: accessToken.header,
    cookie: cookie.name,
    header: header.refreshToken
  }
  return Object.defineProperty(sessions, TOKEN_NAMES, { value })
}

export function tokenNamesOf(sessions: Sessions): TokenNames {
  return (sessions as Sessions & { [TOKEN_NAMES]: TokenNames })[TOKEN_NAMES]
}
