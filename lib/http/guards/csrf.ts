import type { FastifyRequest } from 'fastify'
import { errors } from '../../errors.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import { booleanResult } from '../../utils/callback-results.js'
import { isLoopback } from '../../utils/loopback.js'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const TRUSTED_FETCH_SITES = new Set(['same-origin', 'none'])

/**
 * A host name has at most 253 characters (RFC 1035, section 2.3.4). Scheme and port are shorter than the rest. Parsing
 * an internationalized host name takes quadratic time, so a longer one is not parsed.
 */
const MAX_ORIGIN_LENGTH = 300

/**
 * Throws if a page of another site has sent an unsafe request through a browser.
 * @throws {FRT_ERR_CROSS_ORIGIN}
 */
export type OriginCheck = (request: FastifyRequest) => void

/** Creates the hook `app.checkOrigin`. */
export function createCsrfHook(options: Pick<ResolvedOptions, 'csrf' | 'cookie'>) {
  const check = createOriginCheck(options)
  return async function checkOrigin(request: FastifyRequest): Promise<void> {
    check(request)
  }
}

/**
 * Creates a check of the headers that no page can set (OWASP, Cross-Site Request Forgery Prevention: Fetch Metadata and
 * origin verification).
 */
export function createOriginCheck({ csrf, cookie }: Pick<ResolvedOptions, 'csrf' | 'cookie'>): OriginCheck {
  const { trustedOrigins } = csrf
  const trusted = new Set(typeof trustedOrigins === 'function' ? [] : trustedOrigins)

  function allows(request: FastifyRequest): boolean {
    if (isSafe(request)) return true
    const { origin, 'sec-fetch-site': site } = request.headers
    if (origin !== undefined && trusted.has(origin)) return true
    if (site !== undefined) return TRUSTED_FETCH_SITES.has(String(site))
    // Browsers send `Origin` with every unsafe request. A request without it does not come from a browser.
    return origin === undefined || isSameOrigin(origin, request.host)
  }

  function isSameOrigin(origin: string, host: string): boolean {
    if (origin.length > MAX_ORIGIN_LENGTH || host.length > MAX_ORIGIN_LENGTH) return false
    if (!URL.canParse(origin)) return false
    const url = new URL(origin)
    // The origin of an app or an extension has another scheme, and no host in the sense of HTTP.
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return false
    // With a secure cookie, reject the same host over HTTP, because a network attacker can change its pages.
    if (cookie.secure && url.protocol !== 'https:' && !isLoopback(url)) return false
    const requested = `${url.protocol}//${host}`
    return URL.canParse(requested) && new URL(requested).host === url.host
  }

  /** Asks the function of the application. `null` is not an origin: sandboxed frames of every site send it. */
  function isTrusted(request: FastifyRequest): boolean {
    const { origin } = request.headers
    if (typeof trustedOrigins !== 'function' || origin === undefined || origin === 'null') return false
    if (origin.length > MAX_ORIGIN_LENGTH) return false
    return booleanResult(trustedOrigins(origin, request), 'option "csrf.trustedOrigins"')
  }

  return function checkOrigin(request) {
    if (!allows(request) && !isTrusted(request)) throw new errors.CrossOrigin()
  }
}

/**
 * Returns whether the page that sent a request gains nothing from it, because the request only reads, and CORS hides the
 * response. A WebSocket handshake is a GET too, but CORS does not apply to it (RFC 6455, section 10.2): the page of another
 * site would get a connection of the user.
 */
function isSafe({ method, headers }: FastifyRequest): boolean {
  return SAFE_METHODS.has(method) && headers.upgrade === undefined
}
