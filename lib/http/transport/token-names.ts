import type { Sessions } from '../../../types/fastify.js'
import type { ResolvedOptions } from '../../options/resolve.js'

/** The names by which the tokens of an instance travel. */
export interface Carriers {
  /** The header of a request that carries the access token. */
  accessToken: string
  /** The refresh token's cookie. */
  cookie: string
  /** The refresh token's header. */
  header: string
}

/** The same in every copy of this module: an app may run the CommonJS build, and its tests the other. */
const CARRIERS = Symbol.for('fastify-refresh-token.carriers')

/** Notes them where `fastify-refresh-token/testing` finds them. */
export function nameCarriers(
  sessions: Sessions,
  { accessToken, cookie, header }: Pick<ResolvedOptions, 'accessToken' | 'cookie' | 'header'>
): Sessions {
  const value: Carriers = {
    accessToken: accessToken.header,
    cookie: cookie.name,
    header: header.refreshToken
  }
  return Object.defineProperty(sessions, CARRIERS, { value })
}

export function carriersOf(sessions: Sessions): Carriers {
  return (sessions as Sessions & { [CARRIERS]: Carriers })[CARRIERS]
}
