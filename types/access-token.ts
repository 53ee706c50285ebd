import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Duration } from './session.js'

type Awaitable<T> = T | Promise<T>

export interface AccessTokenOptions {
  /** @default '5m' */
  ttl?: Duration | undefined
  /** The `iss` claim: set, and verified. */
  issuer?: string | undefined
  /** The `aud` claim: set, and verified. */
  audience?: string | undefined
  /**
   * `'HS256'` signs with keys that are derived from `secret`; the others with `keys`, so that services
   * which know the public half alone can verify.
   * @default 'HS256'
   */
  algorithm?: AccessTokenAlgorithm | undefined
  /**
   * For all algorithms but `'HS256'`: the first signs, so it is a private key; all verify, of which the
   * public half is enough. They roll as `[old, new]`, then `[new, old]`, then `[new]`: at a restart, or by
   * `app.sessions.rotateKeys`. Two registrations in one app that share a key need issuers or audiences that
   * differ.
   *
   * A function gives such an array: it is asked at registration, and by each `app.sessions.rotateKeys()`.
   */
  keys?: readonly AccessTokenKey[] | (() => Awaitable<readonly AccessTokenKey[]>) | undefined
  /**
   * Where it is read (RFC 6750 section 2.1). Any other header carries it with or without `Bearer `.
   * @default 'authorization'
   */
  header?: string | undefined
  /**
   * Looks for it elsewhere, before the header: in a cookie, for pages that the server renders. Where a
   * browser sends it by itself, unsafe methods need `app.checkOrigin`; the plugin's own routes have it then.
   */
  read?: ((request: FastifyRequest) => string | null | undefined) | undefined
  /**
   * How many verified tokens a process remembers, of about 1 kB each, so that their signature is checked
   * once; expiry and revocation are checked at each use. `0`: none.
   * @default 10000
   */
  cache?: number | undefined
}

/** RFC 7518 section 3.1, and RFC 8037 section 3.1 with Ed25519. */
export type AccessTokenAlgorithm = 'HS256' | 'EdDSA' | 'ES256' | 'RS256'

/**
 * A key: PEM, a `KeyObject`, or a JWK (RFC 7517). Its `kid` is that of the JWK if it has one, else the
 * thumbprint of its public half (RFC 7638, with SHA-256).
 */
export type AccessTokenKey = string | Buffer | KeyObject | Jwk

/** A JSON Web Key, as `KeyObject.export({ format: 'jwk' })` gives it. */
export interface Jwk {
  kty?: string
  kid?: string
  use?: string
  alg?: string
  [parameter: string]: unknown
}
