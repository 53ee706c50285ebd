import type { IssuedToken } from './access-token.js'
import type { Runtime } from './runtime.js'

/** A request that can be sent again with another access token. */
export interface SendableRequest {
  send(token: IssuedToken | null): Promise<Response>
  signal: AbortSignal | null | undefined
  /** If `true`, its body can be read only once. */
  isOneShot: boolean
}

/** @param target a `Request`, or the resolved URL */
export function createSendable(
  runtime: Runtime,
  target: URL | Request,
  init: RequestInit | undefined,
  accessTokenHeader: string
): SendableRequest {
  // A spread of a `Request` has none of its properties, but `fetch` accepts one as its second argument.
  const request = isRequest(target) || isRequest(init) ? new Request(target, init) : undefined
  const send = (token: IssuedToken | null) => {
    // Sending consumes the body of a request, so each attempt sends a clone.
    const copy = request?.clone()
    const headers = copy?.headers ?? new Headers(init?.headers)
    if (token) headers.set(accessTokenHeader, `Bearer ${token.value}`)
    return copy ? runtime.fetch(copy) : runtime.fetch(target, { ...init, headers })
  }
  return { send, signal: (request ?? init)?.signal, isOneShot: !request && isStream(init?.body) }
}

/** A `Request` of a frame is not an instance of this frame's `Request`. */
export function isRequest(value: unknown): value is Request {
  return typeof (value as Request | undefined)?.clone === 'function'
}

/** Returns `true` for a body that can be read only once. */
function isStream(body: unknown): boolean {
  const { getReader, [Symbol.asyncIterator]: iterate } = (body ?? {}) as Partial<ReadableStream>
  return Boolean(getReader || iterate)
}
