import type { AccessTokenAlgorithm, AccessTokenKey } from './access-token.js'
import type { Duration } from './session.js'

type Algorithm = Exclude<AccessTokenAlgorithm, 'HS256'>

/**
 * The options of `resourceServer`, for a service that verifies access tokens of another server. Either `keys` or
 * `jwksUri` is required. An invalid or unknown option throws `FRT_ERR_INVALID_OPTION` at registration.
 */
export type ResourceServerOptions = VerifierOptions &
  (
    | {
        /** The public keys of the issuer as PEM, `KeyObject` or JWK. Private keys are not allowed. */
        keys: readonly AccessTokenKey[]
        jwksUri?: undefined
      }
    | {
        keys?: undefined
        /**
         * The JWKS endpoint of the issuer (RFC 7517): an https URL, or http for loopback addresses. The keys are cached
         * for the time in `Cache-Control`, from one minute to one hour. A token with an unknown key loads them again,
         * at most every 30 seconds. While the endpoint fails, it is requested after increasing pauses, from 1 to 30
         * seconds, and the keys stay valid for one day.
         */
        jwksUri: string
      }
  )

/** The options for both kinds of keys. */
export interface VerifierOptions {
  /**
   * The algorithm of the issuer, or several. A key of another kind is invalid in `keys`, and is ignored in a JWKS.
   * @default 'EdDSA'
   */
  algorithm?: Algorithm | readonly Algorithm[] | undefined
  /** The required `iss` claim (RFC 9068, section 4): option `accessToken.issuer` of the issuer. */
  issuer: string
  /** The required `aud` claim: option `accessToken.audience` of the issuer. Of several, a token must have one. */
  audience: string | readonly string[]
  /**
   * How long a token is accepted after its expiry, at most 10 minutes, for a server whose clock is ahead of the issuer's.
   * @default 0
   */
  clockTolerance?: Duration | undefined
  /**
   * Request header with the access token (RFC 6750, section 2.1). In another header, `Bearer ` is optional.
   * @default 'authorization'
   */
  header?: string | undefined
  /**
   * Maximum number of tokens in the verification cache of a process. Together they take at most about 2 kB each, so that
   * a large token takes the place of several. The signature of a cached token is not checked again. `0` disables the
   * cache.
   * @default 10000
   */
  cache?: number | undefined
}
