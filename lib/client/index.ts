import { createAuthFetchIn } from './create-auth-fetch.js'
import { runtime } from './runtime.js'
import type { AuthFetch, AuthFetchOptions } from './types.js'

/**
 * A `fetch` that stays logged in, for browsers, React Native, Node.js and others: it knows the routes of
 * `fastify-refresh-token`, keeps the access token in memory, and gets a fresh one when it is needed.
 * @throws TypeError for a `baseUrl` that is none
 */
export function createAuthFetch(options: AuthFetchOptions): AuthFetch {
  const environment = runtime()
  const { fetch = environment.fetch } = options
  // Not called as a method: a browser's own fetch refuses that.
  return createAuthFetchIn({ ...environment, fetch: (input, init) => fetch(input, init) }, options)
}

export { UnavailableError } from './errors.js'
export type * from './types.js'
