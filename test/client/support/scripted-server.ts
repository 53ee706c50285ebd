/** A request of the client, as the server receives it. */
export interface Call {
  url: string
  path: string
  method: string
  headers: Headers
  body: string
  signal: AbortSignal
  init: RequestInit | undefined
}

export type Reply = (call: Call) => Response | Promise<Response>

/** A `fetch` that responds as the plugin does, except for the responses that a test scripts. */
export class ScriptedServer {
  readonly calls: Call[] = []
  /** Access tokens that guarded routes accept. */
  readonly valid = new Set<string>()
  expiresIn = 300
  /** Whether it uses the transport `'body'`. */
  sendsRefreshToken = false
  #issued = 0
  readonly #replies = new Map<string, Reply[]>()

  /** Sets the next responses of a path, one for each request. */
  script(path: string, ...replies: Reply[]): this {
    this.#replies.set(path, [...(this.#replies.get(path) ?? []), ...replies])
    return this
  }

  /** The paths of all calls, in order. */
  get paths(): string[] {
    return this.calls.map(({ path }) => path)
  }

  count(path: string): number {
    return this.paths.filter((other) => other === path).length
  }

  callsTo(path: string): Call[] {
    return this.calls.filter((call) => call.path === path)
  }

  /** Makes all access tokens that were issued so far invalid. */
  expire(): void {
    this.valid.clear()
  }

  /** Returns the response of a login or a refresh, with `token-1`, then `token-2`. */
  issue(): Response {
    const value = `token-${++this.#issued}`
    this.valid.add(value)
    return json(200, {
      access_token: value,
      token_type: 'Bearer',
      expires_in: this.expiresIn,
      ...(this.sendsRefreshToken && { refresh_token: `refresh-${this.#issued}` })
    })
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, withDuplex(init))
    request.signal.throwIfAborted()
    const url = new URL(request.url)
    const call = {
      url: request.url,
      path: url.pathname,
      method: request.method,
      headers: request.headers,
      body: await request.text(),
      signal: request.signal,
      init
    }
    this.calls.push(call)
    return rejectOnAbort(this.#respond(call), request.signal)
  }

  async #respond(call: Call): Promise<Response> {
    const scripted = this.#replies.get(call.path)?.shift()
    if (scripted) return scripted(call)
    if (/\/(login|refresh)$/.test(call.path)) return this.issue()
    if (call.path.endsWith('/logout')) return json(200, {})
    const token = call.headers.get('authorization')?.replace('Bearer ', '')
    if (token === undefined) return unauthorized('FRT_ERR_NO_ACCESS_TOKEN', 'Bearer realm="api"')
    if (!this.valid.has(token)) return expired()
    return json(200, { token, body: call.body })
  }
}

/** Node.js requires `duplex` for a stream, browsers do not. */
function withDuplex(init: RequestInit | undefined): RequestInit | undefined {
  return init?.body instanceof ReadableStream ? ({ ...init, duplex: 'half' } as RequestInit) : init
}

function rejectOnAbort(response: Promise<Response>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    response.then(resolve, reject)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers }
  })
}

/** Returns a 401 of the plugin. */
export function unauthorized(
  code: string,
  challenge = 'Bearer realm="api", error="invalid_token", error_description="-"'
): Response {
  return json(401, { statusCode: 401, code, message: '-' }, { 'www-authenticate': challenge })
}

export function expired(): Response {
  return unauthorized('FRT_ERR_ACCESS_TOKEN_EXPIRED')
}

export function unavailable(retryAfter = '0'): Response {
  return json(503, { code: 'FRT_ERR_STORE_UNAVAILABLE' }, { 'retry-after': retryAfter })
}

/** Fails as `fetch` does if the request or the response is lost. */
export function networkError(): never {
  throw new TypeError('fetch failed')
}
