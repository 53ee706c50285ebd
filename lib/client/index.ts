import { createAuthFetchIn } from './create-auth-fetch.js'
import { detectRuntime } from './runtime.js'
import type { AuthFetch, AuthFetchOptions } from './types.js'

/**
 * Creates a `fetch` that keeps the user logged in, for browsers, React Native, Node.js and other runtimes. It calls the
 * routes of `fastify-refresh-token`, keeps the access token in memory, and refreshes it when necessary.
 * @throws TypeError if `baseUrl` or an origin is not an absolute URL
 */
export function createAuthFetch(options: AuthFetchOptions): AuthFetch {
  const runtime = detectRuntime()
  const { fetch = runtime.fetch } = options
  // Not called as a method: the `fetch` of a browser throws then.
  return createAuthFetchIn({ ...runtime, fetch: (input, init) => fetch(input, init) }, options)
}

export { UnavailableError } from './errors.js'
export type * from './types.js'
