import type { FastifyRequest } from 'fastify'
import type { Metadata } from '../../types/session.js'
import type { Caller } from './call-context.js'
import type { Parts } from './components.js'
import { resolveMetadata } from './identity.js'

/** Any browser's own name fits, and a hostile one cannot fill the store. */
const MAX_USER_AGENT_LENGTH = 200
/** An IPv6 address with its zone. Behind `trustProxy` it is what a header says. */
const MAX_IP_LENGTH = 64

/** What helps a user to tell his devices apart. */
export function defaultMetadata(request: FastifyRequest): Metadata {
  const userAgent = request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH)
  const ip = request.ip.slice(0, MAX_IP_LENGTH)
  return userAgent ? { user_agent: userAgent, ip } : { ip }
}

/** What the request tells of its device; null where there is no request. */
export function metadataOf({ options }: Parts, { request }: Caller): Metadata | null {
  if (!request) return null
  const { metadata } = options.session
  // Ours is short, and plain: what an app's own gives is checked.
  if (metadata === defaultMetadata) return defaultMetadata(request)
  return resolveMetadata(metadata(request), 'session.metadata()')
}
