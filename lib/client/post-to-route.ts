import { type IssuedToken, issuedTokenOf } from './access-token.js'
import { UnavailableError } from './errors.js'
import type { Runtime } from './runtime.js'
import { inTime } from './time-limit.js'

export const RESPONSE_TIMEOUT_MS = 10_000

const TERMINAL_CODE =
  /^FRT_ERR_(NO_REFRESH_TOKEN|REFRESH_TOKEN_(INVALID|EXPIRED|REUSED)|SESSION_REVOKED|PROOF_(REQUIRED|KEY_MISMATCH))$/

/** The result of a request. It has only the last three members if no response arrived. */
export interface PostResult {
  /** Its body can be read. */
  response?: Response
  /** `undefined` if it is not a JSON object. The response is not from the plugin then. */
  body?: Record<string, unknown> | undefined
  /** Whether the plugin responded that it has done what the request asks for. */
  isOk?: boolean
  /** The access token of a successful login or refresh. */
  token?: IssuedToken | undefined
  /** Whether the server rejected the refresh token. Other 401 responses keep the session, for example of a proxy. */
  isSessionEnd?: boolean
  /** Whether the request may succeed later. */
  canRetry: boolean
  retryAfterMs: number
  /** Names the address, the status and the code, for a caller that cannot continue. */
  error: Error
}

export interface PostOptions extends Pick<RequestInit, 'credentials' | 'keepalive'> {
  /** Sent as JSON. */
  body?: unknown
  headers?: Record<string, string>
  accessToken?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Posts to a route of the plugin and reads the response, within the response timeout. Never rejects. If no response
 * arrived, the server may still have processed the request.
 */
export type PostToRoute = (url: string, options: PostOptions) => Promise<PostResult>

/** @param defaultHeaders additional headers of each request */
export function createPostToRoute(
  runtime: Runtime,
  accessTokenHeader: string,
  defaultHeaders: Readonly<Record<string, string>> | undefined
): PostToRoute {
  return async (url, { body: sent, headers, accessToken, signal: outer, ...init }) => {
    const sentAt = runtime.now()
    const json = JSON.stringify(sent) as string | undefined
    // Without its query, which may contain a token.
    const name = `POST ${url.split(/[?#]/, 1)}:`
    try {
      const send = async (signal: AbortSignal) => {
        const response = await runtime.fetch(url, {
          ...init,
          method: 'POST',
          // Another host must not receive passwords and tokens.
          redirect: 'error',
          signal,
          headers: {
            // In lower case, because `fetch` joins headers whose names differ only in case.
            ...Object.fromEntries(new Headers(defaultHeaders)),
            ...headers,
            ...(json && { 'content-type': 'application/json' }),
            ...(accessToken && { [accessTokenHeader]: `Bearer ${accessToken}` })
          },
          body: json ?? null
        })
        return [response, await readJson(response.clone())] as const
      }
      const [response, body] = await inTime(runtime, RESPONSE_TIMEOUT_MS, send, outer)
      return {
        response,
        body,
        isOk: response.ok && !!body,
        token: response.ok ? issuedTokenOf(body, sentAt) : undefined,
        isSessionEnd: response.status === 401 && TERMINAL_CODE.test(body?.code as string),
        canRetry: response.status === 429 || response.status >= 500,
        retryAfterMs: retryAfterOf(response.headers),
        error: new UnavailableError([name, response.status, body?.code].join(' ').trim())
      }
    } catch (cause) {
      const error = outer?.aborted ? (cause as Error) : new UnavailableError(`${name} no response`, { cause })
      return { canRetry: true, retryAfterMs: 0, error }
    }
  }

  /** Reads seconds or an HTTP date (RFC 9110, section 10.2.3). A date counts from the date of the response. */
  function retryAfterOf(headers: Headers): number {
    const value = headers.get('retry-after') as string
    const sinceMs = Date.parse(headers.get('date') as string) || runtime.wallNow()
    return Math.max(0, +value * 1000 || Date.parse(value) - sinceMs || 0)
  }
}

/** Returns the body if it is a JSON object, and `undefined` otherwise. Rejects if the body is cut off. */
export async function readJson(response: Response): Promise<Record<string, unknown> | undefined> {
  const text = await response.text()
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
