import { fastify as createHost, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ResourceServerOptions } from '../../types/resource-server.js'
import type { AccessTokenClaims } from '../../types/session.js'
import { errors } from '../errors.js'
import { addErrorHeadersHook } from '../http/error-headers.js'
import { readHeader } from '../http/guards/bearer-token.js'
import { createGuards, decorateGuards } from '../http/guards/guards.js'
import { decorateHooks } from '../http/guards/hooks.js'
import { StoreClock } from '../sessions/store-access/store-clock.js'
import { TokenClock } from '../sessions/store-access/token-clock.js'
import { createVerifier, type TokenVerifier } from '../tokens/access-token.js'
import type { KeyPairs } from '../tokens/keys/access-token-keys.js'
import { withVerificationCache } from '../tokens/verified-token-cache.js'
import { fetchJwks } from './fetch-jwks.js'
import { resolveResourceServerOptions } from './options.js'
import { RemoteJwks } from './remote-jwks.js'

async function plugin(fastify: FastifyInstance, input: ResourceServerOptions): Promise<void> {
  const options = resolveResourceServerOptions(input)
  const { algorithms, source, header } = options

  async function open(keys: KeyPairs): Promise<TokenVerifier> {
    return withVerificationCache(await createVerifier(createHost(), keys, options), options.cache)
  }

  const tokens = typeof source === 'string' ? openRemoteJwks(source) : await open(source)

  function openRemoteJwks(jwksUri: string): RemoteJwks {
    const jwks = new RemoteJwks({ algorithms, fetch: () => fetchJwks(jwksUri), open, log: fastify.log })
    // The application starts even if the endpoint fails. Guarded routes then return 503 until the keys are loaded.
    fastify.addHook('onReady', () => jwks.open())
    return jwks
  }

  const storeClock = new StoreClock()
  const rejectExpired = createExpiryCheck(storeClock, options.clockToleranceMs)
  const guards = createGuards({
    readToken: (request) => readHeader(request, header),
    verifyToken(token) {
      const claims = tokens.verify(token)
      return claims instanceof Promise ? claims.then(rejectExpired) : rejectExpired(claims)
    },
    // The later one, because a clock that was set back must not make an authentication recent again.
    nowMs: () => Math.max(Date.now() - options.clockToleranceMs, storeClock.toStoreTime(performance.now())),
    onAuthenticated() {}
  })
  decorateGuards(fastify, guards)
  decorateHooks(fastify, guards)
  addErrorHeadersHook(fastify)
}

/**
 * Creates a function that returns the claims of a token that has not expired.
 *
 * If the wall clock was set back, the issue times of tokens show the issuer's clock. If that clock agrees with the former wall
 * clock, the token has expired. One of both alone may have been ahead, and must not reject valid tokens.
 */
function createExpiryCheck(
  storeClock: StoreClock,
  toleranceMs: number
): (claims: AccessTokenClaims) => AccessTokenClaims {
  const tokenClock = new TokenClock(storeClock, toleranceMs)
  return (claims) => {
    storeClock.advance(claims.iat * 1000)
    const expired = tokenClock.expiryOf(claims)
    if (expired.byWallClock || (expired.byFormerClock && expired.byStoreClock)) {
      throw new errors.AccessTokenExpired()
    }
    return claims
  }
}

/** Fastify plugin that guards routes with access tokens of another server. It has no routes and no store. */
export const resourceServer = fp(plugin, { name: 'fastify-refresh-token/resource-server', fastify: '^5.1.0' })
