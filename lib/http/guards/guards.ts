import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuthHook } from '../../../types/fastify.js'
import type { AccessTokenClaims } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { invalidOption } from '../../utils/checks.js'
import { recordError } from '../error-headers.js'

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

/** What guards ask of those who know the tokens. */
export interface Authenticator {
  /** The access token that came, or null. */
  readToken(request: FastifyRequest): string | null
  /** @throws an error for whoever is not let in */
  verifyToken(token: string): Awaitable<AccessTokenClaims>
  /** Told of each who was. */
  onAuthenticated(user: AccessTokenClaims, request: FastifyRequest): Awaitable<void>
}

export function createGuards({ readToken, verifyToken, onAuthenticated }: Authenticator): Guards {
  // Not `request.user`, which another instance, or another plugin, may have set since.
  const userKey = Symbol('fastify-refresh-token.user')
  type Authenticated = FastifyRequest & { [userKey]?: AccessTokenClaims | null }

  function userOf(request: Authenticated): AccessTokenClaims {
    const user = request[userKey]
    if (!user) throw new errors.NoAccessToken()
    return user
  }

  /** In one go where nobody has to be asked, as nearly always: a promise on the way is felt by every request. */
  function authenticate(request: Authenticated, optional: boolean): Awaitable<AccessTokenClaims | null> {
    const token = readToken(request)
    if (token === null && optional) return null
    if (token === null) throw new errors.NoAccessToken()
    const user = verifyToken(token)
    return user instanceof Promise ? user.then((each) => setUser(request, each)) : setUser(request, user)
  }

  function setUser(request: Authenticated, user: AccessTokenClaims): Awaitable<AccessTokenClaims> {
    request[userKey] = user
    request.user = user
    const confirmation = onAuthenticated(user, request)
    return confirmation instanceof Promise ? confirmation.then(() => user) : user
  }

  async function authorize(request: FastifyRequest, allows: Allows): Promise<void> {
    // Before `authenticate`, or without it, nobody is allowed.
    if (!(await allows(userOf(request), request))) throw new errors.InsufficientScope()
  }

  return {
    userKey,
    userOf,

    authenticateRequest({ optional = false } = {}) {
      return recordError(this, () => authenticate(this, optional))
    },

    async authenticate(request) {
      if (!isPublic(request)) await recordError(request, () => authenticate(request, false))
    },

    authorize(...allowed) {
      const allows = isFunction(allowed) ? allowed[0] : hasScopes(allowed)
      return async (request) => {
        if (!isPublic(request)) await recordError(request, () => authorize(request, allows))
      }
    }
  }
}

function isPublic({ routeOptions }: FastifyRequest): boolean {
  return IS_PUBLIC in routeOptions.config
}

function isFunction(allowed: unknown[]): allowed is [Allows] {
  return allowed.length === 1 && typeof allowed[0] === 'function'
}

/** RFC 6749 section 3.3. */
const SCOPE = /^[!#-[\]-~]+$/

/** The `scope` claim is a list separated by spaces (RFC 9068 section 2.2.3, RFC 8693 section 4.2). */
function hasScopes(scopes: unknown[]): Allows {
  const areScopes = scopes.every((scope) => typeof scope === 'string' && SCOPE.test(scope))
  // A list that is empty by mistake must not let everybody in, nor a list of lists nobody.
  if (!areScopes || scopes.length === 0) {
    invalidOption('authorize() expects one function, or one or more scopes without spaces')
  }
  return ({ scope }) => {
    const granted = typeof scope === 'string' ? scope.split(' ') : []
    return scopes.every((each) => granted.includes(each as string))
  }
}

/** What guards routes, here and on a resource server. */
export function decorateGuards(fastify: FastifyInstance, guards: Guards): void {
  fastify.decorate('authenticate', guards.authenticate as AuthHook)
  fastify.decorate('authorize', guards.authorize as FastifyInstance['authorize'])
  // `@fastify/jwt`, where the app has it, made the same decorator: there is one user.
  if (!fastify.hasRequestDecorator('user')) fastify.decorateRequest('user', null)
  fastify.decorateRequest(guards.userKey, null)
  fastify.decorateRequest('authenticate', guards.authenticateRequest as never)
}
