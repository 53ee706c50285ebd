import type { FastifyRequest } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'

/** The token where the app looks for it, else of the header; null where none came. */
export function readAccessToken(
  request: FastifyRequest,
  { read, header }: Pick<ResolvedOptions['accessToken'], 'read' | 'header'>
): string | null {
  return read?.(request) || readHeader(request, header)
}

/**
 * In `Authorization` it follows `Bearer` (RFC 6750 section 2.1), and another scheme is no token of ours;
 * any other header may do without.
 */
export function readHeader({ headers }: FastifyRequest, name: string): string | null {
  const value = headers[name]
  if (typeof value !== 'string' || value === '') return null
  const bearer = /^bearer +(.*)$/i.exec(value)
  if (bearer) return bearer[1] as string
  return name === 'authorization' ? null : value
}
