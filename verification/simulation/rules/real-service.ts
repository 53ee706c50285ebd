import Fastify from 'fastify'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { createComponents } from '../../../lib/sessions/components.js'
import { SessionService } from '../../../lib/sessions/session-service.js'
import { createAccessTokens, isExpired } from '../../../lib/tokens/access-token.js'
import { secretKeys } from '../../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import { withVerificationCache } from '../../../lib/tokens/verified-token-cache.js'
import type { Tokens } from '../../../types/session.js'
import type { Access, Answer, Contestant, Granted, Server, Token } from '../server.js'
import { ForgetfulStore } from './non-persistent-store.js'

const SUBJECT = 'user-1'

/**
 * The plugin's own session service: its codec, its access tokens, its memory store on the clock of the
 * simulation. What is left out is HTTP.
 */
export async function realService(graceMs: number): Promise<Contestant> {
  const options = resolveOptions({
    login: () => null,
    secret: 'the simulation signs with these bytes',
    refreshToken: { grace: graceMs / 1000 },
    revocation: { mode: 'store' }
  })
  const { log, ...fastify } = await withTokens(options)
  const tokens = { refreshTokens: fastify.refreshTokens, accessTokens: fastify.accessTokens }
  return {
    name: `the plugin, W ${graceMs / 1000} s`,
    open(now) {
      const store = new ForgetfulStore(now)
      const service = new SessionService(createComponents({ options, store, log, ...tokens }))
      return new ServiceServer(service, store, { log, ...tokens }, now)
    }
  }
}

async function withTokens(options: ReturnType<typeof resolveOptions>) {
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

type Fittings = Awaited<ReturnType<typeof withTokens>>

class ServiceServer implements Server {
  readonly #service: SessionService
  readonly #store: ForgetfulStore
  readonly #fittings: Fittings
  readonly #now: () => number

  constructor(service: SessionService, store: ForgetfulStore, fittings: Fittings, now: () => number) {
    this.#service = service
    this.#store = store
    this.#fittings = fittings
    this.#now = now
  }

  async login(): Promise<Granted> {
    return this.#grant(await this.#service.create({ sub: SUBJECT }, this.#caller), true)
  }

  async refresh({ text }: Token): Promise<Answer> {
    const token = this.#fittings.refreshTokens.parse(text)
    if (!token) throw new Error('a token that the server issued does not parse')
    try {
      const issued = await this.#service.refresh(token, this.#caller)
      return this.#grant(issued, !issued.isUnchanged)
    } catch (error) {
      return { status: 401, why: whyRefused(error) }
    }
  }

  /** As the guard of a route does it, by the clock of the simulation. */
  async use({ text }: Access, confirms: boolean): Promise<'ok' | 'refused'> {
    const claims = this.#fittings.accessTokens.verify(text)
    if (isExpired(claims, this.#now()) || !(await this.#store.has(claims.sid))) return 'refused'
    if (confirms) this.#service.confirm(claims)
    return 'ok'
  }

  failover(lostMs: number): Promise<void> {
    return this.#store.failover(lostMs)
  }

  get #caller() {
    return { request: null, log: this.#fittings.log }
  }

  #grant({ refreshToken, accessToken, expiresIn, session }: Tokens, setsCookie: boolean): Granted {
    const token = this.#fittings.refreshTokens.parse(refreshToken)
    if (!token) throw new Error('a token that the server issued does not parse')
    return {
      status: 200,
      token: { gen: token.gen, issuedUs: token.issuedUs, text: refreshToken },
      setsCookie,
      access: { gen: session.gen, expiresMs: this.#now() + expiresIn * 1000, text: accessToken }
    }
  }
}

function whyRefused(error: unknown): 'reuse' | 'gone' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'FRT_ERR_REFRESH_TOKEN_REUSED') return 'reuse'
  if (code === 'FRT_ERR_REFRESH_TOKEN_EXPIRED' || code === 'FRT_ERR_SESSION_REVOKED') return 'gone'
  throw error
}
