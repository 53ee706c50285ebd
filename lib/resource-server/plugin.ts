import { fastify as createHost, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { ResourceServerOptions } from '../../types/resource-server.js'
import type { AccessTokenClaims } from '../../types/session.js'
import { errors } from '../errors.js'
import { addErrorHeadersHook } from '../http/error-headers.js'
import { readHeader } from '../http/guards/bearer-token.js'
import { createGuards, decorateGuards } from '../http/guards/guards.js'
import { createVerifier, isExpired, type TokenVerifier } from '../tokens/access-token.js'
import type { KeyPairs } from '../tokens/keys/access-token-keys.js'
import { withVerificationCache } from '../tokens/verified-token-cache.js'
import { fetchJwks } from './fetch-jwks.js'
import { resolveResourceServerOptions } from './options.js'
import { RemoteJwks } from './remote-jwks.js'

async function plugin(fastify: FastifyInstance, given: ResourceServerOptions): Promise<void> {
  const options = resolveResourceServerOptions(given)
  const { algorithms, source, header } = options

  async function open(keys: KeyPairs): Promise<TokenVerifier> {
    return withVerificationCache(await createVerifier(createHost(), keys, options), options.cache)
  }

  const tokens = typeof source === 'string' ? remote(source) : await open(source)

  function remote(jwksUri: string): RemoteJwks {
    const keys = new RemoteJwks({ algorithms, fetch: () => fetchJwks(jwksUri), open, log: fastify.log })
    // It starts without them all the same, and lets nobody in until it knows them.
    fastify.addHook('onReady', () => keys.open())
    return keys
  }

  const guards = createGuards({
    readToken: (request) => readHeader(request, header),
    verifyToken(token) {
      const claims = tokens.verify(token)
      return claims instanceof Promise ? claims.then(unexpired) : unexpired(claims)
    },
    onAuthenticated() {}
  })
  decorateGuards(fastify, guards)
  addErrorHeadersHook(fastify)
}

function unexpired(claims: AccessTokenClaims): AccessTokenClaims {
  if (isExpired(claims, Date.now())) throw new errors.AccessTokenExpired()
  return claims
}

/** Guards routes with access tokens that another server issues: no store, no login, no routes. */
export const resourceServer = fp(plugin, { name: 'fastify-refresh-token/resource-server', fastify: '^5.1.0' })
