import type { AccessTokenAlgorithm, AccessTokenKey } from './access-token.js'

type Algorithm = Exclude<AccessTokenAlgorithm, 'HS256'>

/**
 * The options of `resourceServer`, for a service that verifies access tokens which another one issues. Either
 * `keys` or `jwksUri` is needed. A bad or unknown option is `FRT_ERR_INVALID_OPTION` at registration.
 */
export type ResourceServerOptions = VerifierOptions &
  (
    | {
        /** The public keys of the issuer: PEM, `KeyObject` or JWK. A private one is refused. */
        keys: readonly AccessTokenKey[]
        jwksUri?: undefined
      }
    | {
        keys?: undefined
        /**
         * Where the issuer lists them (RFC 7517): https, or http on loopback. The list is kept as long as its
         * `Cache-Control` says, from a minute to an hour, and asked for again when a token names a key that is
         * not in it, at most every 30 seconds. While the address fails the keys stay, for a day.
         */
        jwksUri: string
      }
  )

export interface VerifierOptions {
  /**
   * Those of the issuer, if they are several: a key of another kind is refused, or left out of the JWKS.
   * @default 'EdDSA'
   */
  algorithm?: Algorithm | readonly Algorithm[] | undefined
  /** The `iss` claim that a token must have (RFC 9068 section 4): `accessToken.issuer` of the issuer. */
  issuer: string
  /** The `aud` claim that a token must have: `accessToken.audience` of the issuer. */
  audience: string
  /**
   * Where the access token is read (RFC 6750 section 2.1). Any other header carries it with or without `Bearer `.
   * @default 'authorization'
   */
  header?: string | undefined
  /**
   * How many verified tokens a process remembers, of about 1 kB each, so that their signature is checked once.
   * @default 10000
   */
  cache?: number | undefined
}
