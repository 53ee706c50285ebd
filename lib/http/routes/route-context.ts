import type { FastifyReply, FastifyRequest, HTTPMethods, onRequestAsyncHookHandler } from 'fastify'
import type { RouteOverrides } from '../../../types/options.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { SessionService } from '../../sessions/session-service.js'
import type { AccessTokens } from '../../tokens/access-token.js'
import type { KeyRotation } from '../../tokens/key-rotation.js'
import type { RefreshTokenCodec } from '../../tokens/refresh-token.js'
import type { Guards } from '../guards/guards.js'
import type { RouteSchema } from '../openapi/route-schemas.js'
import type { TokenTransport } from '../transport/transport.js'

/** What the routes are made of. */
export interface RouteContext {
  options: ResolvedOptions
  service: SessionService
  transport: TokenTransport
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
  rotation: KeyRotation
  guards: Guards
  /** Refuses what a page of another origin makes a browser send. */
  checkOrigin: onRequestAsyncHookHandler
}

/** A route of the plugin, before the app's own options are merged into it. */
export interface Route {
  overrides: RouteOverrides | false
  method: HTTPMethods
  path: string
  schema: RouteSchema
  /** `public`: a token is optional, and a browser must come from a trusted origin. `user`: guarded. */
  access: 'public' | 'user'
  handler(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
}
