import type { FastifyReply } from 'fastify'

/** Forbids caches to store a response with tokens. RFC 6749, section 5.1 requires both headers. */
export function forbidCaching(reply: FastifyReply): void {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
}
