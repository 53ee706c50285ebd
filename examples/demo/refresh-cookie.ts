import type { FastifyRequest } from 'fastify'

/** As it came: a browser on loopback sends the cookies of all ports. */
export function refreshCookieOf({ headers }: FastifyRequest): string | undefined {
  return /(?:^|; )(__Host-refresh_token=[^;]+)/.exec(headers.cookie ?? '')?.[1]
}
