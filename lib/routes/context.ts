import type { FastifyReply, FastifyRequest, HTTPMethods, onRequestAsyncHookHandler } from 'fastify'
import type { RouteOverrides } from '../../types/options.js'
import type { Guards } from '../authenticate.js'
import type { Caller } from '../caller.js'
import type { KeyRotation } from '../key-rotation.js'
import type { ResolvedOptions } from '../options/resolve.js'
import type { SessionService } from '../session-service.js'
import type { AccessTokens } from '../tokens/access-token.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'
import type { TokenTransport } from '../transport.js'
import type { RouteSchema } from './schemas.js'

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

export function callerOf(request: FastifyRequest): Caller {
  return { request, log: request.log }
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
