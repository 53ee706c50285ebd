import Fastify from 'fastify'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { createComponents } from '../../../lib/sessions/components.js'
import { SessionService } from '../../../lib/sessions/session-service.js'
import { createAccessTokens, isExpired } from '../../../lib/tokens/access-token.js'
import { secretKeys } from '../../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import type { Thumbprint } from '../../../lib/tokens/session-id.js'
import { withVerificationCache } from '../../../lib/tokens/verified-token-cache.js'
import { sha256 } from '../../../lib/utils/sha256.js'
import type { Tokens } from '../../../types/session.js'
import type {
  AccessToken,
  Implementation,
  RefreshResponse,
  RefreshToken,
  Server,
  TokenResponse
} from '../server.js'
import { FailoverStore } from './failover-store.js'

const SUBJECT = 'user-1'
/** The thumbprint of the key of a bound session. */
const KEY = sha256('the key of the user') as Thumbprint
/** The codes of a session that does not exist. */
const UNKNOWN = new Set<unknown>(['FRT_ERR_REFRESH_TOKEN_EXPIRED', 'FRT_ERR_SESSION_REVOKED'])

export interface BindingSettings {
  name: string
  attackerHasKey: boolean
}

/**
 * Returns the session service of the plugin: token format, access tokens and memory store, without HTTP.
 *
 * The store uses the clock of the simulation.
 *
 * @param binding if the sessions are bound to a key. Proofs are not signed here: the tests of proofs cover that
 */
export async function sessionService(graceMs: number, binding?: BindingSettings): Promise<Implementation> {
  const options = resolveOptions({
    login: () => null,
    secret: 'a secret of the simulation, at least 32 bytes',
    refreshToken: { grace: graceMs / 1000 },
    revocation: { mode: 'store' }
  })
  const tokens = await createTokens(options)
  return {
    name: binding?.name ?? `this plugin, grace ${graceMs / 1000} s`,
    attackerHasKey: binding?.attackerHasKey ?? true,
    open(now) {
      const store = new FailoverStore(now)
      const service = new SessionService(createComponents({ options, store, ...tokens }))
      return new ServiceServer(service, store, { ...tokens, isBound: binding !== undefined }, now)
    }
  }
}

async function createTokens(options: ReturnType<typeof resolveOptions>) {
  const keys = deriveKeys(options.secret, options.keyPrefix)
  const fastify = Fastify()
  const signed = await createAccessTokens(fastify, secretKeys(keys), options)
  await fastify.ready()
  return {
    log: fastify.log,
    refreshTokens: createRefreshTokenCodec(keys),
    accessTokens: withVerificationCache(signed, options.accessToken.cache)
  }
}

type Dependencies = Awaited<ReturnType<typeof createTokens>> & { isBound: boolean }

class ServiceServer implements Server {
  readonly #service: SessionService
  readonly #store: FailoverStore
  readonly #deps: Dependencies
  readonly #now: () => number
  #proofs = 0

  constructor(service: SessionService, store: FailoverStore, deps: Dependencies, now: () => number) {
    this.#service = service
    this.#store = store
    this.#deps = deps
    this.#now = now
  }

  async login(): Promise<TokenResponse> {
    const jkt = this.#deps.isBound ? KEY : undefined
    return this.#respond(await this.#service.create({ sub: SUBJECT, jkt }, this.#context), true)
  }

  async refresh({ text }: RefreshToken, hasKey = true): Promise<RefreshResponse> {
    const token = this.#deps.refreshTokens.parse(text)
    if (!token) throw new Error('an issued token is invalid')
    try {
      const proof = hasKey ? { jkt: KEY, id: String(this.#proofs++) } : null
      const issued = await this.#service.refresh(token, this.#context, { proof })
      return this.#respond(issued, !issued.isUnchanged)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'FRT_ERR_REFRESH_CONFLICT') return { status: 503 }
      if (code === 'FRT_ERR_PROOF_REQUIRED') return { status: 401, reason: 'no key' }
      if (code === 'FRT_ERR_REFRESH_TOKEN_REUSED') return { status: 401, reason: 'reuse' }
      if (UNKNOWN.has(code)) return { status: 401, reason: 'unknown' }
      throw error
    }
  }

  /** Checks the access token as the guard of a route does, with the clock of the simulation. */
  async use({ text }: AccessToken, confirms: boolean): Promise<'ok' | 'rejected'> {
    const claims = this.#deps.accessTokens.verify(text)
    if (isExpired(claims, this.#now()) || !(await this.#store.has(claims.sid))) return 'rejected'
    if (confirms) this.#service.confirm(claims)
    return 'ok'
  }

  failover(lostMs: number): Promise<void> {
    return this.#store.failover(lostMs)
  }

  get #context() {
    return { request: null, log: this.#deps.log }
  }

  #respond({ refreshToken, accessToken, expiresIn, session }: Tokens, setsCookie: boolean): TokenResponse {
    const token = this.#deps.refreshTokens.parse(refreshToken)
    if (!token) throw new Error('an issued token is invalid')
    return {
      status: 200,
      token: { gen: token.gen, issuedUs: token.issuedUs, text: refreshToken },
      setsCookie,
      access: { gen: session.gen, expiresMs: this.#now() + expiresIn * 1000, text: accessToken }
    }
  }
}
