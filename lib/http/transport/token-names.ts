import type { Sessions } from '../../../types/fastify.js'
import type { ResolvedOptions } from '../../options/resolve.js'

/** The names of the headers and of the cookie that contain the tokens of a registration. */
export interface TokenNames {
  /** The request header with the access token. */
  accessToken: string
  /** The cookie with the refresh token. */
  cookie: string
  /** The header with the refresh token. */
  header: string
}

/** A global symbol, because the application may use the CommonJS build and its tests the ESM build. */
const TOKEN_NAMES = Symbol.for('fastify-refresh-token.token-names')

/** Attaches the names to `app.sessions`, for `fastify-refresh-token/testing`. */
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
