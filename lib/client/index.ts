import { createClient } from './client.js'
import { createAuthIn } from './create-auth.js'
import type { AuthFetchOptions } from './options.js'
import { detectRuntime } from './runtime.js'
import type { Auth, AuthFetch, SessionUser } from './types.js'

/**
 * Creates a `fetch` that keeps the user logged in, for browsers, React Native, Node.js and other runtimes. It calls the
 * routes of `fastify-refresh-token`, keeps the access token in memory, and refreshes it when necessary.
 * @throws TypeError if `baseUrl` or an origin is not an absolute URL, or if `prefix` does not start with a slash
 */
export function createAuthFetch(options: AuthFetchOptions): AuthFetch {
  return createClient(detectRuntime(options.fetch), options)[0]
}

/**
 * Creates the same client with the state of the session, for user interfaces: `snapshot`, `subscribe`, `restore`,
 * `logoutAll`, `logoutOthers` and `adoptAccessToken`.
 * @typeParam User the claims of the access token, for `snapshot().user`
 * @throws TypeError as `createAuthFetch`
 */
export function createAuth<User extends object = SessionUser>(options: AuthFetchOptions): Auth<User> {
  // The server decides which claims the access token has.
  return createAuthIn(detectRuntime(options.fetch), options) as Auth<object> as Auth<User>
}

export { UnavailableError } from './errors.js'
export { createBoundKey } from './key/bound-key.js'
export { customKey } from './key/custom-key.js'
export type { Prove } from './key/proving-post.js'
export type { SessionKey } from './key/session-key.js'
export type { AuthFetchOptions } from './options.js'
export { bodyTransport } from './transport/body-transport.js'
export { type HeaderTransportOptions, headerTransport } from './transport/header-transport.js'
export type { CreateTransport } from './transport/transport.js'
export type * from './types.js'
