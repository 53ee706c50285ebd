import type { FastifyRequest } from 'fastify'

/** Returns the name and value of the refresh token cookie. The header can hold other cookies of the same host. */
export function refreshCookieOf({ headers }: FastifyRequest): string | undefined {
  return /(?:^|; )(__Host-refresh_token=[^;]+)/.exec(headers.cookie ?? '')?.[1]
}
