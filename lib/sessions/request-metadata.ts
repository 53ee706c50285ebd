import type { FastifyRequest } from 'fastify'
import type { SessionOptions } from '../../types/options.js'
import type { Metadata } from '../../types/session.js'
import type { CallContext } from './call-context.js'
import { resolveMetadata } from './identity.js'

/** Longer than the user agent of any browser, and short enough that a client cannot fill the store. */
const MAX_USER_AGENT_LENGTH = 200
/** Fits an IPv6 address with its zone. With `trustProxy` the value comes from a header. */
const MAX_IP_LENGTH = 64

/**
 * Returns the metadata of a request's device, or `null` if there is no request.
 * @param takeMetadata the option `session.metadata`
 * @throws {FRT_ERR_INVALID_IDENTITY} if that function returned something invalid
 */
export function requestMetadata(
  takeMetadata: SessionOptions['metadata'],
  { request }: CallContext
): Metadata | null {
  if (!request) return null
  // The default is known to be short and plain, so it needs no check.
  if (!takeMetadata) return defaultMetadata(request)
  return resolveMetadata(takeMetadata(request), 'session.metadata()')
}

/**
 * Returns what helps users to tell their devices apart: user agent and IP address. A connection over a Unix socket has no
 * address, and neither has one that the client has closed.
 */
export function defaultMetadata(request: FastifyRequest): Metadata {
  const userAgent = request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH)
  const ip = (request.ip as string | undefined)?.slice(0, MAX_IP_LENGTH)
  return { ...(userAgent && { user_agent: userAgent }), ...(ip && { ip }) }
}
