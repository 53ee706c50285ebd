import type { FastifyRequest } from 'fastify'
import type { Metadata } from '../types/identity.js'

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
