import type { AccessTokenOptions } from '../../types/access-token.js'
import type { Claims, Session } from '../../types/session.js'
import { errors } from '../errors.js'
import { ignoreRejection } from '../utils/callback-results.js'

const MAX_BYTES = 256

/**
 * Adds the claim `client_id` (RFC 9068, section 2.2).
 * @param clientId the option `accessToken.clientId`
 * @throws {FRT_ERR_INVALID_IDENTITY} if its function returns something invalid
 */
export function withClientId(
  claims: Claims,
  clientId: AccessTokenOptions['clientId'],
  session: () => Session
): Claims {
  if (clientId === undefined) return claims
  const client_id = typeof clientId === 'function' ? checkResult(clientId(session())) : clientId
  return Object.assign({}, claims, { client_id })
}

function checkResult(id: unknown): string {
  if (typeof id === 'string' && id !== '' && Buffer.byteLength(id) <= MAX_BYTES) return id
  ignoreRejection(id)
  throw new errors.InvalidIdentity({
    cause: new Error(`accessToken.clientId() must return a string of 1 to ${MAX_BYTES} bytes`)
  })
}
