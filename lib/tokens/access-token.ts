import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { AccessTokenAlgorithm } from '../../types/access-token.js'
import type { AccessTokenClaims, Claims, Session } from '../../types/session.js'
import { errors } from '../errors.js'
import type { AccessKey, AccessKeys } from './keys/access-token-keys.js'

/** The claims that the package sets: `claims` of an identity may not name them. */
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
  'auth_time'
] as const

/** Media type of a JWT access token (RFC 9068 section 2.1): an ID token never passes for one. */
const TYPE = 'at+jwt'

/** What a token must say of who made it, and for whom. */
export interface ExpectedClaims {
  issuer: string | undefined
  audience: string | undefined
}

/** The options that shape an access token. */
export interface AccessTokenSettings {
  accessToken: ExpectedClaims & { ttlMs: number }
}

export interface SignedAccessToken {
  token: string
  /** `expires_in`: whole seconds that it is certain to live. */
  expiresIn: number
}

export interface AccessTokens {
  /** Signs with the first key; `nowMs` is the store's clock. */
  sign(session: Session, claims: Claims, nowMs: number): SignedAccessToken
  /**
   * The claims of a token that one of the keys signed, expired or not: whether it has expired is for
   * the caller to ask, for a logout takes an expired one.
   * @throws `FRT_ERR_ACCESS_TOKEN_INVALID`, whose cause tells why
   */
  verify(token: string): AccessTokenClaims
}

/** The half that needs no private key. */
export interface TokenVerifier extends Pick<AccessTokens, 'verify'> {
  /** Whether a token names one of the keys: nothing is said of its signature. */
  knows(token: string): boolean
}

type Jwt = Pick<FastifyInstance['jwt'], 'sign' | 'verify'>

/**
 * Access tokens through `@fastify/jwt`: one namespace for each key, so that its signer and verifier are
 * built once.
 *
 * @param host an instance of Fastify that holds the namespaces, and nothing else: that of the app takes no
 * more of them once it has started
 */
export async function createAccessTokens(
  host: FastifyInstance,
  keys: AccessKeys,
  settings: AccessTokenSettings
): Promise<AccessTokens> {
  const { ttlMs } = settings.accessToken
  const jwts = await registerKeys(host, keys, settings.accessToken)
  const [signing] = jwts

  return {
    ...verifierOf(keys, jwts),

    sign(session, claims, nowMs) {
      const nowSeconds = nowMs / 1000
      // Never beyond the session; otherwise up to the next second, for a token of one second would
      // live none. `exp` in the past of a session's last second is harmless: it is over.
      const exp = Math.min(
        Math.ceil(nowSeconds + ttlMs / 1000),
        Math.floor(session.expiresAt.getTime() / 1000)
      )
      const own = {
        sub: session.sub,
        sid: session.sid,
        gen: session.gen,
        auth_time: Math.floor(session.createdAt.getTime() / 1000),
        iat: Math.floor(nowSeconds),
        exp
      }
      // The application's claims first: none of them stands for one of ours.
      const token = signing.sign(Object.assign({}, claims, own))
      return { token, expiresIn: Math.max(0, Math.floor(exp - nowSeconds)) }
    }
  }
}

/** For those who only verify. */
export async function createVerifier(
  host: FastifyInstance,
  keys: AccessKeys,
  expected: ExpectedClaims
): Promise<TokenVerifier> {
  return verifierOf(keys, await registerKeys(host, keys, expected))
}

function verifierOf(keys: AccessKeys, jwts: Jwt[]): TokenVerifier {
  // A token's first part names type, algorithm and key. One key makes one such part, letter for letter,
  // which pins the algorithm before anything of the token is decoded.
  const verifiers = new Map(keys.map((key, i) => [writtenHeader(key), jwts[i]]))

  return {
    verify(token) {
      const verifier = verifiers.get(headerOf(token))
      if (!verifier) throw new errors.AccessTokenInvalid({ cause: new Error('its header is none of ours') })
      try {
        return verifier.verify<AccessTokenClaims>(token)
      } catch (error) {
        // The code alone: a message may quote the token.
        const { code } = error as { code?: string }
        throw new errors.AccessTokenInvalid({ cause: new Error(code) })
      }
    },

    knows: (token) => verifiers.has(headerOf(token))
  }
}

/** Whether a token has the header that a key of one of the algorithms gives, whatever that key's name. */
export function hasSupportedHeader(token: string, algorithms: readonly AccessTokenAlgorithm[]): boolean {
  const header = headerOf(token)
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    return (
      algorithms.includes(alg) && typeof kid === 'string' && writtenHeader({ algorithm: alg, kid }) === header
    )
  } catch {
    return false
  }
}

/**
 * A token is over in the second that `exp` names (RFC 7519 section 4.1.4: "on or after"), and one whose `exp` is
 * no time always was.
 */
export function isExpired(claims: AccessTokenClaims, nowMs: number): boolean {
  return !(nowMs < claims.exp * 1000)
}

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'))
}

/**
 * The first part of a key's tokens, member for member in the order of `@fastify/jwt`: a key that only
 * verifies has no token to take it from.
 */
function writtenHeader({ algorithm, kid }: Pick<AccessKey, 'algorithm' | 'kid'>): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ: TYPE, kid })).toString('base64url')
}

/** The key as `@fastify/jwt` takes it, which knows no `KeyObject`. */
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
  { issuer, audience }: ExpectedClaims
): Promise<[Jwt, ...Jwt[]]> {
  const jwts: Jwt[] = []
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
