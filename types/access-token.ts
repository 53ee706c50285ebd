import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Duration, Session } from './session.js'

type Awaitable<T> = T | Promise<T>

/** The options of access tokens. */
export interface AccessTokenOptions {
  /**
   * Lifetime, from 1 second to five years.
   * @default '5m'
   */
  ttl?: Duration | undefined
  /**
   * Shortens the lifetime of each token by a random time of at most this, so that clients that started together do not refresh
   * together. At most half of `ttl`.
   * @default 0
   */
  jitter?: Duration | undefined
  /** The `iss` claim. It is set, and verified. */
  issuer?: string | undefined
  /** The `aud` claim. It is set, and verified: a token must have one of the values. */
  audience?: string | readonly string[] | undefined
  /**
   * How long a token is accepted after its expiry, at most 10 minutes, for a process whose clock is ahead of the store's
   * clock. Revocations are kept for longer accordingly.
   * @default 0
   */
  clockTolerance?: Duration | undefined
  /**
   * The `client_id` claim (RFC 9068, section 2.2), for services that require it. A function returns it at each login and
   * refresh: 1 to 256 bytes, for example from `session.metadata`.
   */
  clientId?: string | ((session: Session) => string) | undefined
  /**
   * Signature algorithm. `'HS256'` uses keys that are derived from `secret`. The others use `keys`, so that services
   * with only the public key can verify.
   * @default 'HS256'
   */
  algorithm?: AccessTokenAlgorithm | undefined
  /**
   * Keys for all algorithms except `'HS256'`. The first one signs, so it must be private. All verify, and a public key
   * is enough for that. To rotate, use `[old, new]`, then `[new, old]`, then `[new]`, at a restart or with
   * `app.sessions.rotateKeys`. Two registrations in one app that share a key need different issuers or audiences.
   *
   * A function returns such an array. It is called at registration, and by each `app.sessions.rotateKeys()`.
   */
  keys?: readonly AccessTokenKey[] | (() => Awaitable<readonly AccessTokenKey[]>) | undefined
  /**
   * Request header with the access token (RFC 6750, section 2.1). In another header, `Bearer ` is optional.
   * @default 'authorization'
   */
  header?: string | undefined
  /**
   * Reads the access token from another place before the header, for example from a cookie for pages that the server
   * renders. A browser may send that token automatically, so that the guards also do the check of `app.checkOrigin` for a
   * request with such a token.
   */
  read?: ((request: FastifyRequest) => string | null | undefined) | undefined
  /**
   * Maximum number of tokens in the verification cache of a process. Together they take at most about 2 kB each, so that
   * a large token takes the place of several. The signature of a cached token is not checked again. Expiry and
   * revocation are checked at each use. `0` disables the cache.
   * @default 10000
   */
  cache?: number | undefined
}

/** Signature algorithms of RFC 7518, section 3.1, and of RFC 8037, section 3.1 (`EdDSA`, with Ed25519 only). */
export type AccessTokenAlgorithm = 'HS256' | 'EdDSA' | 'ES256' | 'RS256'

/**
 * A key as a PEM, a `KeyObject` or a JWK (RFC 7517). Text can also be a PEM whose line breaks are `\n` or spaces, a JWK as
 * JSON, or base64 of a PEM, of a JWK or of DER, because environment variables change the text of a key. Its `kid` is the
 * `kid` of the JWK, or otherwise the thumbprint of the public key (RFC 7638, with SHA-256).
 */
export type AccessTokenKey = string | Uint8Array | KeyObject | Jwk

/** A JSON Web Key, as `KeyObject.export({ format: 'jwk' })` returns it. */
export interface Jwk {
  kty?: string
  kid?: string
  use?: string
  alg?: string
  [parameter: string]: unknown
}
