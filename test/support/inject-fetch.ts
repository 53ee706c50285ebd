import type { FastifyInstance, InjectOptions } from 'fastify'

/** A `fetch` that calls an app without a port, with a cookie jar as in a browser. */
export interface InjectFetch {
  fetch: typeof globalThis.fetch
  /** The cookies by name. Two pages of one browser share them. */
  cookies: Map<string, string>
  /** `POST /auth/login`, and so on, in order. */
  calls: string[]
}

/**
 * @param headers what the runtime adds to each request. Without it, those of a page of the same origin. `{}` is a
 * runtime that is not a browser
 */
export function createInjectFetch(
  app: FastifyInstance,
  headers?: Record<string, string>,
  cookies = new Map<string, string>()
): InjectFetch {
  const calls: string[] = []
  return { fetch, cookies, calls }

  async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const { pathname, search, origin, host } = new URL(request.url)
    calls.push(`${request.method} ${pathname}`)
    const body = await request.text()
    const response = await app.inject({
      method: request.method as NonNullable<InjectOptions['method']>,
      url: pathname + search,
      headers: {
        ...Object.fromEntries(request.headers),
        host,
        ...(headers ?? { origin }),
        ...(request.credentials !== 'omit' && {
          cookie: [...cookies].map((pair) => pair.join('=')).join('; ')
        })
      },
      ...(body && { payload: body })
    })
    for (const { name, value } of response.cookies) {
      if (value) cookies.set(name, value)
      else cookies.delete(name)
    }
    const received = new Headers()
    for (const [name, value] of Object.entries(response.headers)) received.set(name, String(value))
    const isEmpty = [204, 304].includes(response.statusCode)
    return new Response(isEmpty ? null : response.body, { status: response.statusCode, headers: received })
  }
}
