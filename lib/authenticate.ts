import type { FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from '../types/identity.js'
import { noteFailure } from './challenge.js'
import { errors } from './errors.js'
import { refuse } from './options/checks.js'
import type { ResolvedOptions } from './options/resolve.js'
import type { SessionService } from './session-service.js'

type Allows = (
  user: AccessTokenClaims,
  request: FastifyRequest
) => boolean | undefined | Promise<boolean | undefined>

/** Marks the routes of the plugin that come before any access token: a guard that the app adds to every route lets them pass. */
export const IS_PUBLIC = Symbol.for('fastify-refresh-token.public')

type Awaitable<T> = T | Promise<T>

export interface Guards {
  /** The property of a request that says whom this instance let in: null before. */
  userKey: symbol
  /** Whom `authenticate` of this instance let in; throws if it did not. */
  userOf(request: FastifyRequest): AccessTokenClaims
  /** `request.authenticate`. */
  authenticateRequest(
    this: FastifyRequest,
    options?: { optional?: boolean }
  ): Promise<AccessTokenClaims | null>
  authenticate(this: unknown, request: FastifyRequest): Promise<void>
  authorize(...allowed: string[] | [Allows]): (request: FastifyRequest) => Promise<void>
}

export function createGuards(
  service: SessionService,
  { accessToken, refreshToken }: Pick<ResolvedOptions, 'accessToken' | 'refreshToken'>
): Guards {
  // Not `request.user`, which another instance, or another plugin, may have set since.
  const userKey = Symbol('fastify-refresh-token.user')
  type Entered = FastifyRequest & { [userKey]?: AccessTokenClaims | null }

  function userOf(request: Entered): AccessTokenClaims {
    const user = request[userKey]
    if (!user) throw new errors.NoAccessToken()
    return user
  }

  /** In one go where nobody has to be asked, as nearly always: a promise on the way is felt by every request. */
  function authenticate(request: Entered, optional: boolean): Awaitable<AccessTokenClaims | null> {
    const token = readAccessToken(request, accessToken.header)
    if (token === null && optional) return null
    if (token === null) throw new errors.NoAccessToken()
    const user = service.verify(token)
    if (user instanceof Promise || refreshToken.confirms) return enterLater(request, user)
    service.confirm(user)
    return enter(request, user)
  }

  async function enterLater(
    request: Entered,
    verified: Awaitable<AccessTokenClaims>
  ): Promise<AccessTokenClaims> {
    const user = enter(request, await verified)
    const confirms = refreshToken.confirms ? await refreshToken.confirms(request) : true
    if (confirms) service.confirm(user)
    return user
  }

  function enter(request: Entered, user: AccessTokenClaims): AccessTokenClaims {
    request[userKey] = user
    request.user = user
    return user
  }

  async function authorize(request: FastifyRequest, allows: Allows): Promise<void> {
    // Before `authenticate`, or without it, nobody is allowed.
    if (!(await allows(userOf(request), request))) throw new errors.InsufficientScope()
  }

  return {
    userKey,
    userOf,

    authenticateRequest({ optional = false } = {}) {
      return noteFailure(this, () => authenticate(this, optional))
    },

    async authenticate(request) {
      if (!isPublic(request)) await noteFailure(request, () => authenticate(request, false))
    },

    authorize(...allowed) {
      const [first] = allowed
      // A list that is empty by mistake must not let everybody in.
      if (first === undefined) refuse('authorize()', 'given scopes or a function')
      const allows = typeof first === 'function' ? first : hasScopes(allowed as string[])
      return async (request) => {
        if (!isPublic(request)) await noteFailure(request, () => authorize(request, allows))
      }
    }
  }
}

function isPublic({ routeOptions }: FastifyRequest): boolean {
  return IS_PUBLIC in routeOptions.config
}

/** The `scope` claim is a list separated by spaces (RFC 9068 section 2.2.3, RFC 8693 section 4.2). */
function hasScopes(scopes: string[]): Allows {
  return ({ scope }) => {
    const granted = typeof scope === 'string' ? scope.split(' ') : []
    return scopes.every((each) => granted.includes(each))
  }
}

/**
 * The token of the header, or null where none came. In `Authorization` it follows `Bearer` (RFC 6750
 * section 2.1), and another scheme is no token of ours; any other header may do without.
 */
export function readAccessToken({ headers }: FastifyRequest, name: string): string | null {
  const value = headers[name]
  if (typeof value !== 'string' || value === '') return null
  const bearer = /^bearer +(.*)$/i.exec(value)
  if (bearer) return bearer[1] as string
  return name === 'authorization' ? null : value
}
