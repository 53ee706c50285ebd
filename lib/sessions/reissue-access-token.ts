import type { AccessTokenClaims, Authentication, Session } from '../../types/session.js'
import type { SignedAccessToken } from '../tokens/access-token.js'
import { restrictScope } from '../tokens/scope.js'
import type { CallContext } from './call-context.js'
import { withClientId } from './client-id.js'
import type { SessionComponents } from './components.js'
import { resolveAuthentication } from './identity.js'
import { loadClaims } from './load-claims.js'
import { revokedError } from './revoke-session.js'

/**
 * Returns a new access token for the session of an access token. It has the generation, the expiry and at most the scopes of
 * that token: whoever copied it must not gain anything.
 * @throws {FRT_ERR_SESSION_REVOKED} if the session has ended
 */
export function reissueAccessToken(
  components: SessionComponents,
  user: AccessTokenClaims,
  context: CallContext
): Promise<SignedAccessToken> {
  const session = components.storeClient.call('get', (store) => store.get(user.sid))
  return reissue(components, user, session, context)
}

/**
 * Records an authentication, and returns a new access token like `reissueAccessToken`.
 * @throws {FRT_ERR_INVALID_IDENTITY} if the authentication is invalid
 */
export async function elevate(
  components: SessionComponents,
  user: AccessTokenClaims,
  input: Authentication,
  context: CallContext
): Promise<SignedAccessToken> {
  const change = { authentication: resolveAuthentication(input, 'authentication') }
  const session = components.storeClient.call('update', (store) => store.update(user.sid, change))
  return reissue(components, user, session, context)
}

async function reissue(
  components: SessionComponents,
  user: AccessTokenClaims,
  found: Promise<Session | null>,
  context: CallContext
): Promise<SignedAccessToken> {
  const { options, accessTokens, revoker, storeClient, storeClock } = components
  const [session, nowMs] = await Promise.all([found, storeClient.call('now', (store) => store.now(user.sub))])
  storeClock.sync(nowMs)
  const revocation = revoker.findRevocation(user.sid)
  if (revocation) throw revokedError(revocation.reason)
  if (!session) throw revokedError('the session is not in the store')
  const claims = restrictScope(await loadClaims(components, session, context), user)
  const tokenClaims = withClientId(claims, options.accessToken.clientId, () => session)
  return accessTokens.sign(session, tokenClaims, nowMs, user)
}
