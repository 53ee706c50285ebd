import { UnavailableError } from '../errors.js'
import type { PostOptions, PostResult, PostToRoute } from '../post-to-route.js'
import { RESPONSE_TIMEOUT_MS } from '../post-to-route.js'
import type { Runtime } from '../runtime.js'
import { inTime } from '../time-limit.js'

/**
 * Creates the header `DPoP` of one request (RFC 9449, section 4.2).
 * @param url the URL of the request, without query and fragment
 * @param nonce the nonce that the proof must contain, if the server has sent one
 * @returns the proof, or `null` if there is no key. The request is then sent without a proof
 */
export type Prove = (method: string, url: string, nonce: string | undefined) => Promise<string | null>

/** The server accepts another proof, so that the session continues. */
const OTHER_PROOF_CODE = /^FRT_ERR_PROOF_(INVALID|NONCE)$/

/**
 * Creates a `post` that proves the possession of a key. If the server asks for another proof, it sends the request once
 * more: with the nonce of the server, or with a new proof, because the network may have sent the first one twice. All of
 * it must end within the response timeout.
 */
export function createProvingPost(runtime: Runtime, post: PostToRoute, prove: Prove): PostToRoute {
  /** The latest nonce of the server. In memory only, because a nonce is valid for minutes. */
  let nonce: string | undefined

  async function attempt(url: string, address: string, options: PostOptions): Promise<PostResult> {
    const dpop = await prove('POST', address, nonce)
    const result = await post(url, dpop === null ? options : withHeader(options, dpop))
    // A script of another origin may not be allowed to read the header.
    const { response, body } = result
    nonce = response?.headers.get('dpop-nonce') ?? (body?.nonce as string | undefined) ?? nonce
    return result
  }

  return async (url, options) => {
    const [address] = url.split(/[?#]/, 1) as [string]
    try {
      return await inTime(
        runtime,
        RESPONSE_TIMEOUT_MS,
        async (signal) => {
          const first = await attempt(url, address, { ...options, signal })
          if (!needsOtherProof(first)) return first
          const second = await attempt(url, address, { ...options, signal })
          // Without the response, because a login form would show a 401 as a wrong password.
          return needsOtherProof(second) ? { canRetry: false, retryAfterMs: 0, error: second.error } : second
        },
        options.signal
      )
    } catch (cause) {
      const isAborted = options.signal?.aborted
      const error = isAborted
        ? (cause as Error)
        : new UnavailableError(`POST ${address}: no proof`, { cause })
      return { canRetry: true, retryAfterMs: 0, error }
    }
  }
}

function needsOtherProof({ body }: PostResult): boolean {
  return OTHER_PROOF_CODE.test(body?.code as string)
}

function withHeader(options: PostOptions, dpop: string): PostOptions {
  return { ...options, headers: { ...options.headers, dpop } }
}
