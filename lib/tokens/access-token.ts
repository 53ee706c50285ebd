import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { AccessTokenAlgorithm } from '../../types/access-token.js'
import type { AccessTokenClaims, Claims, Session } from '../../types/session.js'
import { errors } from '../errors.js'
import { createTokenId } from '../utils/random.js'
import { rejectInvalidTypes } from './claim-types.js'
import type { AccessKey, AccessKeys } from './keys/access-token-keys.js'

/** The claims that the plugin sets. `claims` of an identity must not contain them. */
export const RESERVED_CLAIMS = [
  'sub',
  'sid',
  'gen',
  'iat',
  'exp',
  'nbf',
  'iss',
  'aud',
  'jti',
  'client_id',
  'auth_time',
  'acr',
  'amr',
  'cnf'
] as const

/** Media type of a JWT access token (RFC 9068, section 2.1). It prevents the use of an ID token as an access token. */
const TYPE = 'at+jwt'

/** The issuer and the audience that a token must have. `undefined` is not checked. */
export interface ExpectedClaims {
  issuer: string | undefined
  /** A token has all of them, and must have one of them. */
  audience: string | readonly string[] | undefined
  /** How far the clock of this process may be behind `nbf`. */
  clockToleranceMs: number
}

/** The options that determine the content of an access token. */
export interface AccessTokenSettings {
  accessToken: ExpectedClaims & { ttlMs: number; jitterMs: number }
}

export interface SignedAccessToken {
  token: string
  /** `expires_in`: remaining lifetime in whole seconds, rounded down. */
  expiresIn: number
}

export interface AccessTokens {
  /**
   * Signs a token with the first key.
   * @param nowMs the time of the store's clock, in milliseconds since the epoch
   * @param reissued a token that the new one replaces. The new one has its generation and its expiry
   */
  sign(session: Session, claims: Claims, nowMs: number, reissued?: AccessTokenClaims): SignedAccessToken
  /**
   * Returns the claims of a token that one of the keys signed. Does not check the expiry, because a logout accepts an
   * expired token.
   * @throws {FRT_ERR_ACCESS_TOKEN_INVALID} with the reason in its `cause`
   */
  verify(token: string): AccessTokenClaims
}

/** Verifies access tokens without a private key. */
export interface TokenVerifier extends Pick<AccessTokens, 'verify'> {
  /** Returns whether the header of a token names one of the keys. Does not verify the signature. */
  hasKeyFor(token: string): boolean
}

type Jwt = Pick<FastifyInstance['jwt'], 'sign' | 'verify'>

/**
 * Creates the signer and the verifier of access tokens with `@fastify/jwt`. Each key has its own namespace, so that its
 * signer and verifier are built once.
 *
 * @param host a separate Fastify instance for the namespaces. The instance of the application accepts no more plugins
 * after its start, but keys can be replaced later
 */
export async function createAccessTokens(
  host: FastifyInstance,
  keys: AccessKeys,
  settings: AccessTokenSettings
): Promise<AccessTokens> {
  const { ttlMs, jitterMs } = settings.accessToken
  const jwts = await registerKeys(host, keys, settings.accessToken)
  const [signing] = jwts

  return {
    ...verifierOf(keys, jwts),

    sign(session, claims, nowMs, reissued) {
      const nowSeconds = nowMs / 1000
      // Rounds up, because rounding down could give a token of one second no lifetime. Never exceeds the session:
      // in the last second of the session `exp` can be in the past, which is harmless.
      const exp = Math.min(
        reissued?.exp ?? Math.ceil(nowSeconds + (ttlMs - Math.random() * jitterMs) / 1000),
        Math.floor(session.expiresAt.getTime() / 1000)
      )
      // A custom store may not return them.
      const { acr = null, amr = [], authenticatedAt = session.createdAt } = session
      const reserved = {
        sub: session.sub,
        sid: session.sid,
        gen: reissued?.gen ?? session.gen,
        jti: createTokenId(),
        auth_time: Math.floor(authenticatedAt.getTime() / 1000),
        ...(acr !== null && { acr }),
        ...(amr.length > 0 && { amr }),
        iat: Math.floor(nowSeconds),
        exp
      }
      // The reserved claims come last, so that no claim of the application replaces them.
      const token = signing.sign(Object.assign({}, claims, reserved))
      return { token, expiresIn: Math.max(0, Math.floor(exp - nowSeconds)) }
    }
  }
}

/** Creates a verifier for a server that does not sign tokens. */
export async function createVerifier(
  host: FastifyInstance,
  keys: AccessKeys,
  expected: ExpectedClaims
): Promise<TokenVerifier> {
  return verifierOf(keys, await registerKeys(host, keys, expected))
}

function verifierOf(keys: AccessKeys, jwts: Jwt[]): TokenVerifier {
  // All tokens of a key have the same encoded header, which names type, algorithm and key. A comparison of this text
  // therefore fixes the algorithm before any part of the token is decoded.
  const verifiers = new Map(keys.map((key, i) => [encodeHeader(key), jwts[i]]))

  return {
    verify(token) {
      const verifier = verifiers.get(headerOf(token))
      if (!verifier) throw new errors.AccessTokenInvalid({ cause: new Error('no key matches the header') })
      const claims = verifySignature(verifier, token)
      rejectInvalidTypes(claims)
      return claims
    },

    hasKeyFor: (token) => verifiers.has(headerOf(token))
  }
}

function verifySignature(verifier: Jwt, token: string): AccessTokenClaims {
  try {
    return verifier.verify<AccessTokenClaims>(token)
  } catch (error) {
    // Uses only the code, because the message can contain the token.
    const { code = 'the token cannot be verified' } = error as { code?: string }
    throw new errors.AccessTokenInvalid({ cause: new Error(code) })
  }
}

/** Returns whether a token has the header of a key of one of the algorithms, with any key id. */
export function hasSupportedHeader(token: string, algorithms: readonly AccessTokenAlgorithm[]): boolean {
  const header = headerOf(token)
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    return (
      algorithms.includes(alg) && typeof kid === 'string' && encodeHeader({ algorithm: alg, kid }) === header
    )
  } catch {
    return false
  }
}

/**
 * Returns whether a token has expired. It expires at the beginning of the second `exp` (RFC 7519, section 4.1.4: "on or
 * after"). A token whose `exp` is not a number has always expired.
 */
export function isExpired(claims: AccessTokenClaims, nowMs: number): boolean {
  return !(nowMs < claims.exp * 1000)
}

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'))
}

/**
 * Returns the encoded header of a key's tokens, with its members in the order of `@fastify/jwt`. It cannot be taken
 * from a signed token, because a key that only verifies cannot sign.
 */
function encodeHeader({ algorithm, kid }: Pick<AccessKey, 'algorithm' | 'kid'>): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ: TYPE, kid })).toString('base64url')
}

/** Returns the key in the form that `@fastify/jwt` accepts. It does not accept a `KeyObject`. */
function secretOf(key: AccessKey) {
  if (key.algorithm === 'HS256') return key.secret
  const { publicKey, privateKey } = key
  return {
    public: publicKey.export({ type: 'spki', format: 'pem' }),
    ...(privateKey && { private: privateKey.export({ type: 'pkcs8', format: 'pem' }) })
  }
}

async function registerKeys(
  host: FastifyInstance,
  keys: AccessKeys,
  { issuer, audience: expected, clockToleranceMs }: ExpectedClaims
): Promise<[Jwt, ...Jwt[]]> {
  const jwts: Jwt[] = []
  const audience = Array.isArray(expected) ? [...expected] : (expected as string | undefined)
  for (const key of keys) {
    const { algorithm, kid } = key
    const namespace = `fastify-refresh-token ${kid}`
    await host.register(fastifyJwt, {
      secret: secretOf(key),
      namespace,
      sign: {
        algorithm,
        kid,
        header: { alg: algorithm, typ: TYPE },
        ...(issuer !== undefined && { iss: issuer }),
        ...(audience !== undefined && { aud: audience })
      },
      verify: {
        algorithms: [algorithm],
        checkTyp: TYPE,
        ignoreExpiration: true,
        clockTolerance: clockToleranceMs,
        requiredClaims: [
          ...['sub', 'sid', 'gen', 'iat', 'exp'],
          ...(issuer === undefined ? [] : ['iss']),
          ...(audience === undefined ? [] : ['aud'])
        ],
        ...(issuer !== undefined && { allowedIss: issuer }),
        ...(audience !== undefined && { allowedAud: audience })
      }
    })
    jwts.push((host.jwt as unknown as Record<string, Jwt>)[namespace] as Jwt)
  }
  return jwts as [Jwt, ...Jwt[]]
}
