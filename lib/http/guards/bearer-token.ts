import type { FastifyRequest } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { textResult } from '../../utils/callback-results.js'

/**
 * Returns the access token from the option `read`, or otherwise from the header. `null` if there is none.
 * @param onRead called if the token is from `read`. A browser may have sent it by itself, for example in a cookie
 */
export function readAccessToken(
  request: FastifyRequest,
  { read, header }: Pick<ResolvedOptions['accessToken'], 'read' | 'header'>,
  onRead?: (request: FastifyRequest) => void
): string | null {
  const token = read && textResult(read(request), 'option "accessToken.read"')
  if (!token) return readHeader(request, header)
  onRead?.(request)
  return token
}

/** The scheme and the first of the spaces after it. */
const SCHEME = 'bearer '

/**
 * Returns the access token from a header. `Authorization` requires the scheme `Bearer` (RFC 6750, section 2.1). In
 * other headers the scheme is optional.
 */
export function readHeader({ headers }: FastifyRequest, name: string): string | null {
  const value = headers[name]
  if (typeof value !== 'string' || value === '') return null
  const hasScheme = value.slice(0, SCHEME.length).toLowerCase() === SCHEME
  if (!hasScheme) return name === 'authorization' ? null : value
  let start = SCHEME.length
  while (value[start] === ' ') start++
  return value.slice(start)
}
