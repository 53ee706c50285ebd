import type { FastifyRequest } from 'fastify'
import type { Duration } from './session.js'

/**
 * Whether logins bind their session to a key of the client.
 *
 * - `'off'`: a proof is ignored
 * - `'optional'`: a login with a proof is bound, another one is not
 * - `'required'`: a login without a proof is rejected, and so is a refresh of a session that is not bound
 *
 * A bound session needs a proof in every mode.
 */
export type BindingMode = 'off' | 'optional' | 'required'

/** Binds sessions to a key of the client (DPoP, RFC 9449), so that a copied refresh token is useless without this key. */
export interface BindingOptions {
  /**
   * A mode, or a function of the request. It is called with `null` for `app.sessions`.
   * @default 'optional'
   */
  mode?: BindingMode | ((request: FastifyRequest | null) => BindingMode) | undefined
  /**
   * How far the clock of a client may be off before it needs a nonce, from 1 second to 10 minutes.
   * @default '1m'
   */
  leeway?: Duration | undefined
  /**
   * When a proof needs a nonce: if the clock of the client is off, or always. A nonce costs a client one more request.
   * @default 'when-needed'
   */
  nonce?: 'when-needed' | 'always' | undefined
  /**
   * Returns the URL or the URLs that clients may use for a request, if a proxy changes the host or the path.
   * @default the host of the request and its path, with http or https
   */
  address?: ((request: FastifyRequest) => string | readonly string[]) | undefined
  /**
   * How many used proofs a process remembers. A proof of a refresh is also remembered by the store.
   * @default 100000
   */
  remember?: number | undefined
}
