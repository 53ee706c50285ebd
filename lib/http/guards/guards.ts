import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuthHook, Authorize, RequireAuthentication } from '../../../types/fastify.js'
import type { AccessTokenClaims, RequiredAuthentication } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { isSufficient, type Requirement, requiredAuthentication } from '../../tokens/authentication.js'
import { isScope, scopesIn } from '../../tokens/scope.js'
import { permissionResult } from '../../utils/callback-results.js'
import { invalidOption } from '../../utils/checks.js'
import { recordError } from '../error-headers.js'

export type Allows = (
  user: AccessTokenClaims,
  request: FastifyRequest
) => boolean | undefined | Promise<boolean | undefined>

/** Marks the plugin's routes that need no access token. A guard that the application adds to all routes skips them. */
export const IS_PUBLIC = Symbol.for('fastify-refresh-token.public')

type Awaitable<T> = T | Promise<T>

export interface Guards {
  /** The request property with the claims that this registration verified, or `null`. */
  userKey: symbol
  /**
   * Returns the claims that `authenticate` of this registration verified.
   * @throws {FRT_ERR_NO_ACCESS_TOKEN} if it did not run
   */
  userOf(request: FastifyRequest): AccessTokenClaims
  /** Implements `request.authenticate`. */
  authenticateRequest(
    this: FastifyRequest,
    options?: { optional?: boolean }
  ): Promise<AccessTokenClaims | null>
  authenticate(this: unknown, request: FastifyRequest): Promise<void>
  authorize(...allowed: string[] | [Allows]): (request: FastifyRequest) => Promise<void>
  authorizeRequest(request: FastifyRequest, allows: Allows): Promise<void>
  requireAuthentication(required: RequiredAuthentication): (request: FastifyRequest) => Promise<void>
  /** @throws {FRT_ERR_INSUFFICIENT_AUTHENTICATION} if the authentication of the session is too old, or of another class */
  requireSufficient(request: FastifyRequest, requirement: Requirement): Promise<void>
}

/** Reads and verifies access tokens for the guards. */
export interface Authenticator {
  /** Returns the access token of the request, or `null`. */
  readToken(request: FastifyRequest): string | null
  /** @throws a 401 or a 503 if the token is not accepted */
  verifyToken(token: string): Awaitable<AccessTokenClaims>
  /** The clock that set the times of the tokens, as far as it is known, in milliseconds since the epoch. */
  nowMs(): number
  /** Called after each successful authentication. */
  onAuthenticated(user: AccessTokenClaims, request: FastifyRequest): Awaitable<void>
}

/** Creates the guards of one registration, or of a resource server. */
export function createGuards({ readToken, verifyToken, nowMs, onAuthenticated }: Authenticator): Guards {
  // Not `request.user`, because another registration or another plugin may have replaced it.
  const userKey = Symbol('fastify-refresh-token.user')
  type GuardedRequest = FastifyRequest & { [userKey]?: AccessTokenClaims | null }

  function userOf(request: GuardedRequest): AccessTokenClaims {
    const user = request[userKey]
    if (!user) throw new errors.NoAccessToken()
    return user
  }

  /** Returns synchronously unless `verifyToken` returns a promise. An extra promise would slow down every request. */
  function authenticate(request: GuardedRequest, optional: boolean): Awaitable<AccessTokenClaims | null> {
    const token = readToken(request)
    if (token === null && optional) return null
    if (token === null) throw new errors.NoAccessToken()
    const user = verifyToken(token)
    return user instanceof Promise ? user.then((each) => setUser(request, each)) : setUser(request, user)
  }

  function setUser(request: GuardedRequest, user: AccessTokenClaims): Awaitable<AccessTokenClaims> {
    request[userKey] = user
    request.user = user
    const confirmation = onAuthenticated(user, request)
    return confirmation instanceof Promise ? confirmation.then(() => user) : user
  }

  async function authorize(request: FastifyRequest, allows: Allows): Promise<void> {
    // Without a preceding `authenticate` this throws.
    const isAllowed = permissionResult(await allows(userOf(request), request), 'the function of authorize()')
    if (!isAllowed) throw new errors.InsufficientScope()
  }

  async function authorizeRequest(request: FastifyRequest, allows: Allows): Promise<void> {
    if (!isPublic(request)) await recordError(request, () => authorize(request, allows))
  }

  async function requireSufficient(request: FastifyRequest, requirement: Requirement): Promise<void> {
    if (isPublic(request)) return
    await recordError(request, () => {
      // Without a preceding `authenticate` this throws.
      if (isSufficient(userOf(request), requirement, nowMs())) return
      throw Object.assign(new errors.InsufficientAuthentication(), { requirement })
    })
  }

  return {
    userKey,
    userOf,
    authorizeRequest,
    requireSufficient,

    authenticateRequest({ optional = false } = {}) {
      return recordError(this, () => authenticate(this, optional))
    },

    async authenticate(request) {
      if (!isPublic(request)) await recordError(request, () => authenticate(request, false))
    },

    authorize(...allowed) {
      const allows = toAllows(allowed)
      return (request) => authorizeRequest(request, allows)
    },

    requireAuthentication(required) {
      const requirement = toRequirement(required)
      return (request) => requireSufficient(request, requirement)
    }
  }
}

function isPublic({ routeOptions }: FastifyRequest): boolean {
  return IS_PUBLIC in routeOptions.config
}

/** @throws {FRT_ERR_INVALID_OPTION} if the argument of `requireAuthentication` is invalid */
export function toRequirement(required: RequiredAuthentication): Requirement {
  return requiredAuthentication(required, 'requireAuthentication()')
}

/** @throws {FRT_ERR_INVALID_OPTION} if the arguments of `authorize` are neither scopes nor one function */
export function toAllows(allowed: string[] | [Allows]): Allows {
  return isFunction(allowed) ? allowed[0] : hasScopes(allowed)
}

function isFunction(allowed: unknown[]): allowed is [Allows] {
  return allowed.length === 1 && typeof allowed[0] === 'function'
}

function hasScopes(scopes: unknown[]): Allows {
  // An empty list would allow every request, and a nested list would allow none.
  if (!scopes.every(isScope) || scopes.length === 0) {
    invalidOption('authorize() expects one function, or one or more scopes without spaces')
  }
  return ({ scope }) => {
    const granted = scopesIn(scope)
    return scopes.every((each) => granted.includes(each))
  }
}

/** Adds the decorators of the guards. */
export function decorateGuards(fastify: FastifyInstance, guards: Guards): void {
  fastify.decorate('authenticate', guards.authenticate as AuthHook)
  fastify.decorate('authorize', guards.authorize as Authorize)
  fastify.decorate('requireAuthentication', guards.requireAuthentication as RequireAuthentication)
  // `@fastify/jwt` adds the same decorator if the application uses it.
  if (!fastify.hasRequestDecorator('user')) fastify.decorateRequest('user', null)
  fastify.decorateRequest(guards.userKey, null)
  fastify.decorateRequest('authenticate', guards.authenticateRequest as never)
}
