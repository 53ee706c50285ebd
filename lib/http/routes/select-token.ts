import type { FastifyRequest } from 'fastify'
import { errors } from '../../errors.js'
import { contextOf } from '../../sessions/call-context.js'
import { parseTokens, rejectUnsupportedVersions } from '../../tokens/presented-tokens.js'
import type { RefreshToken } from '../../tokens/refresh-token.js'
import type { RouteContext } from './route-context.js'

type SelectionContext = Pick<RouteContext, 'service' | 'refreshTokens' | 'proofs'>

/**
 * Returns the refresh token to exchange. A browser may send several, because it keeps cookies of other paths and domains.
 * If the session of only one is active, that one is used, as if the others were not there.
 *
 * Tokens of two active sessions are rejected, because an attacker may have set one of the cookies. Using neither prevents
 * session fixation. The other tokens never reach the rotation rule, so that none of them can revoke a session.
 *
 * @param presented the tokens of the request, not validated
 * @throws {FRT_ERR_REFRESH_TOKEN_INVALID} if no token is valid, or if several sessions are or may be active
 * @throws {FRT_ERR_REFRESH_TOKEN_EXPIRED} if there are several tokens and no session is active
 * @throws {FRT_ERR_PROOF_REQUIRED} or another error of a proof, if there are several tokens and all are bound to other keys
 */
export async function selectToken(
  context: SelectionContext,
  request: FastifyRequest,
  presented: string[]
): Promise<RefreshToken> {
  const { service, refreshTokens } = context
  const { valid, others, isComplete } = parseTokens(refreshTokens, presented)
  rejectUnsupportedVersions(refreshTokens, others)
  if (!isComplete) rejectAmbiguous(request, valid, 'more refresh tokens than are looked at')
  const [only, another] = valid
  if (!only) throw new errors.RefreshTokenInvalid()
  if (!another) return only
  rejectWithoutKey(context, request, valid)
  const [active, anotherActive] = await service.withoutEnded(valid)
  if (!active) throw new errors.RefreshTokenExpired()
  if (anotherActive) rejectAmbiguous(request, valid, 'refresh tokens of several active sessions')
  return active
}

/** Copies of bound tokens reach the store no more than a single one: if the request proves no key of them, it is rejected. */
function rejectWithoutKey(
  { service, proofs }: SelectionContext,
  request: FastifyRequest,
  tokens: RefreshToken[]
): void {
  if (tokens.some(({ jkt }) => jkt === null)) return
  const { proved, rejected } = service.splitByKey(tokens, () => proofs.read(request), contextOf(request))
  if (proved.length === 0) throw rejected[0]?.error
}

/** Logs the reason, because each of the tokens would be accepted alone. */
function rejectAmbiguous({ log }: FastifyRequest, tokens: RefreshToken[], has: string): never {
  const sids = tokens.map(({ sid }) => sid)
  log.info({ event: 'refresh_token_ambiguous', sids }, `request has ${has}; refresh rejected`)
  throw new errors.RefreshTokenInvalid()
}
