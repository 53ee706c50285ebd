import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import type { Identity } from '../../../types/session.js'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { modeOf, proofRequiredAtLogin } from '../../sessions/key-binding.js'
import { parseTokens } from '../../tokens/presented-tokens.js'
import { isObject } from '../../utils/checks.js'
import { loginSchema } from '../openapi/route-schemas.js'
import { forbidCaching } from '../transport/no-store.js'
import type { Route, RouteContext } from './route-context.js'
import { watchSend } from './watch-send.js'

/** `POST /auth/login`: calls the option `login`, creates a session and returns its tokens. */
export function loginRoute(context: RouteContext): Route {
  const { login, routes } = context.options
  return {
    overrides: routes.login,
    method: 'POST',
    path: '/login',
    schema: loginSchema(context.options),
    access: 'public',
    async handler(request, reply) {
      if (isBodyMissing(request)) throw new errors.EmptyBody()
      // Before `login` counts the attempt: a client whose proof needs a nonce sends its credentials twice.
      requireLoginProof(context, request)
      const isAnswered = watchSend(reply)
      const identity = await login?.(request, reply)
      if (isAnswered()) return reply
      if (!identity) throw new errors.InvalidCredentials()
      return startSession(context, request, reply, identity)
    }
  }
}

/**
 * Returns whether the request announces a body and has none, or `null`. `login` would fail with a `TypeError` when it reads
 * `request.body.username`. A request that announces no body is passed to `login`, because the credentials may be in a header
 * or in a client certificate.
 */
function isBodyMissing({ body, raw, routeOptions }: FastifyRequest): boolean {
  const { 'content-type': type, 'transfer-encoding': encoding } = raw.headers
  const isAnnounced = type !== undefined || encoding !== undefined
  return isAnnounced && (body === undefined || body === null) && !isValidated(routeOptions.schema?.body)
}

/** Returns whether Fastify has validated the body. A schema for each content type does not apply to an empty body. */
function isValidated(schema: unknown): boolean {
  return schema !== undefined && !(isObject(schema) && 'content' in schema)
}

/** @throws {FRT_ERR_PROOF_REQUIRED} if there is no proof, and the option `binding.mode` requires one */
function requireLoginProof({ proofs, options }: RouteContext, request: FastifyRequest): void {
  const proof = proofs.readForLogin(request)
  if (!proof && modeOf(options.binding, request) === 'required') throw proofRequiredAtLogin()
}

/**
 * Creates a session and revokes the sessions of the refresh tokens in the request, because an attacker may have copied
 * them. Revokes them last, so that a failed login does not log the user out.
 */
export async function startSession(
  { service, transport, refreshTokens, proofs }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  identity: Identity
): Promise<TokenResponse> {
  const proof = proofs.readForLogin(request)
  const { valid } = parseTokens(refreshTokens, transport.read(request))
  // An attacker who logs in with a copied token must not log its user out.
  const replaced = valid.filter(({ jkt }) => jkt === null || jkt === proof?.jkt)
  const replaces = replaced.map(({ sid }) => sid)
  const tokens = await service.create(identity, contextOf(request), { replaces, proof })
  proofs.offerNonce(reply)
  // Set here, because a route of the application may call this function (RFC 6749, section 5.1).
  forbidCaching(reply)
  transport.clearOthers(request, reply)
  return transport.write(request, reply, tokens)
}
