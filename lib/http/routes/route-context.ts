import type { FastifyReply, FastifyRequest, HTTPMethods, onRequestAsyncHookHandler } from 'fastify'
import type { RouteOverrides } from '../../../types/options.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import type { AccessTokens } from '../../tokens/access-token.js'
import type { Requirement } from '../../tokens/authentication.js'
import type { KeyRotation } from '../../tokens/key-rotation.js'
import type { RefreshTokenCodec } from '../../tokens/refresh-token.js'
import type { RequestProofs } from '../binding/request-proofs.js'
import type { Authenticator, Guards } from '../guards/guards.js'
import type { RouteSchema } from '../openapi/route-schema.js'
import type { TokenTransport } from '../transport/transport.js'

/** The dependencies of the routes. */
export interface RouteContext {
  options: ResolvedOptions
  service: SessionService
  transport: TokenTransport
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
  rotation: KeyRotation
  proofs: RequestProofs
  authenticator: Authenticator
  guards: Guards
  /** Rejects requests from pages of other origins. */
  checkOrigin: onRequestAsyncHookHandler
}

/** A route of the plugin, without the route options of the application. */
export interface Route {
  overrides: RouteOverrides | false
  method: HTTPMethods
  path: string
  schema: RouteSchema
  /**
   * `public` needs no access token, but checks the origin. `token` does so only if a browser may send the token by itself.
   * `user` requires a valid access token.
   */
  access: 'public' | 'token' | 'user'
  /** The authentication that the route requires, for the access `user`. */
  requirement?: Requirement | undefined
  handler(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
}
