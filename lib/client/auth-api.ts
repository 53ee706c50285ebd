import { UnavailableError } from './errors.js'
import { type Runtime, withTimeLimit } from './runtime.js'
import type { IssuedToken } from './session-state.js'

const RESPONSE_TIMEOUT_MS = 10_000

/** The parts of a response of the plugin that the client uses. */
export interface ApiResponse {
  status: number
  body: Record<string, unknown>
  retryAfterMs: number
}

export interface CallOptions {
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Sends the request even if the page is closed meanwhile. */
  keepalive?: boolean
}

/** Calls the routes of the plugin. */
export class AuthApi {
  readonly #runtime: Runtime
  readonly #routesUrl: string
  readonly #credentials: 'include' | 'omit'

  constructor(runtime: Runtime, routesUrl: string, usesCookie: boolean) {
    this.#runtime = runtime
    this.#routesUrl = routesUrl
    this.#credentials = usesCookie ? 'include' : 'omit'
  }

  post(url: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return this.#runtime.fetch(url, {
      ...init,
      method: 'POST',
      credentials: this.#credentials,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json', ...init.headers },
        body: JSON.stringify(body)
      })
    })
  }

  /**
   * Posts to a route and reads the response, within the response timeout.
   * @throws `UnavailableError` if no response arrived. The server may have processed the request
   */
  call(route: string, body?: unknown, { signal: outer, ...init }: CallOptions = {}): Promise<ApiResponse> {
    const { signal, cancel } = withTimeLimit(this.#runtime, RESPONSE_TIMEOUT_MS, outer)
    return this.#exchange(route, body, { ...init, signal })
      .catch((cause) => {
        throw new UnavailableError('the server did not respond', { cause })
      })
      .finally(cancel)
  }

  async #exchange(route: string, body: unknown, init: RequestInit): Promise<ApiResponse> {
    const response = await this.post(this.#routesUrl + route, body, init)
    return {
      status: response.status,
      body: (await readJson(response)) ?? {},
      retryAfterMs: Math.max(0, Number(response.headers.get('retry-after'))) * 1000 || 0
    }
  }
}

/** Returns the body if it is a JSON object, and `undefined` otherwise. Rejects if the body is cut off. */
export async function readJson(response: Response): Promise<Record<string, unknown> | undefined> {
  const text = await response.text()
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Returns the access token of a token response (RFC 6749, section 5.1), or `undefined` if the body is not one. */
export function issuedTokenOf(body: Record<string, unknown> | undefined): IssuedToken | undefined {
  const { access_token: value, expires_in: seconds } = body ?? {}
  if (typeof value !== 'string' || typeof seconds !== 'number') return undefined
  return { value, validMs: seconds * 1000 }
}
