import type { FastifyRequest } from 'fastify'
import { errors } from '../../errors.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import { isLoopback } from '../../utils/loopback.js'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const OWN_SITES = new Set(['same-origin', 'none'])

/**
 * Refuses what a page of another site makes a browser send: a check of headers that no page can set
 * (OWASP, Cross-Site Request Forgery Prevention: Fetch Metadata, verifying origin).
 */
export function createCsrfHook({ csrf, cookie }: Pick<ResolvedOptions, 'csrf' | 'cookie'>) {
  const trusted = new Set(csrf.trustedOrigins)

  function allows(request: FastifyRequest): boolean {
    if (SAFE_METHODS.has(request.method)) return true
    const { origin, 'sec-fetch-site': site } = request.headers
    if (origin !== undefined && trusted.has(origin)) return true
    if (site !== undefined) return OWN_SITES.has(String(site))
    // Browsers send an Origin with every unsafe request: without one, it is none.
    return origin === undefined || isOwn(origin, request.host)
  }

  function isOwn(origin: string, host: string): boolean {
    if (!URL.canParse(origin)) return false
    const url = new URL(origin)
    // The same host over http is not the same site where the cookie is Secure: anyone on the wire speaks for it.
    if (cookie.secure && url.protocol !== 'https:' && !isLoopback(url)) return false
    const own = `${url.protocol}//${host}`
    return URL.canParse(own) && new URL(own).host === url.host
  }

  return async function checkOrigin(request: FastifyRequest): Promise<void> {
    if (!allows(request)) throw new errors.CrossOrigin()
  }
}
