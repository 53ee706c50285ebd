import type { FastifyRequest } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { addressesResult } from '../../utils/callback-results.js'

/** Mismatches are logged at most this often. */
const WARNING_INTERVAL_MS = 60_000

/** Returns whether `htu` of a proof is an address of the request (RFC 9449, section 4.3). */
export type AddressCheck = (request: FastifyRequest, htu: string) => boolean

/**
 * Creates a check that compares origin and path, without query and fragment. A mismatch is logged, because a proxy that
 * changes the host or the path would lock out every user.
 */
export function createAddressCheck({ address }: Pick<ResolvedOptions['binding'], 'address'>): AddressCheck {
  let lastWarningMs = Number.NEGATIVE_INFINITY

  function warn({ log }: FastifyRequest, proved: string, expected: readonly string[]): void {
    const nowMs = performance.now()
    if (nowMs - lastWarningMs < WARNING_INTERVAL_MS) return
    lastWarningMs = nowMs
    const fields = { event: 'proof_address', proved, expected }
    log.warn(fields, 'a proof is for another address; if a proxy changes host or path, set binding.address')
  }

  return function isAddress(request, htu) {
    const proved = normalize(htu)
    if (proved === null) return false
    const expected = address
      ? addressesResult(address(request), 'option "binding.address"')
      : addressesOf(request)
    const isExpected = expected.some((each) => normalize(each) === proved)
    if (!isExpected) warn(request, proved, expected)
    return isExpected
  }
}

/**
 * The scheme is not known, because TLS may end at a proxy. The addresses are text: resolving the path against a base could
 * change the host.
 */
function addressesOf(request: FastifyRequest): string[] {
  const schemes = new Set(['https', request.protocol])
  return [...schemes].map((scheme) => `${scheme}://${request.host}${pathOf(request)}`)
}

/** Returns the path of a request target, which may be in absolute form (RFC 9112, section 3.2.2). */
function pathOf({ originalUrl }: FastifyRequest): string {
  const [target = ''] = originalUrl.split(/[?#]/, 1)
  return !target.startsWith('/') && URL.canParse(target) ? new URL(target).pathname : target
}

/** Returns origin and path, or `null` if the text is not an HTTP URL, or has a user name. */
function normalize(address: string): string | null {
  if (!URL.canParse(address)) return null
  const { protocol, username, password, origin, pathname } = new URL(address)
  const isHttp = protocol === 'https:' || protocol === 'http:'
  return isHttp && username === '' && password === '' ? origin + pathname : null
}
