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
 * Returns a new access token for the session of an access token. It has the generation, the expiry, the authentication and at
 * most the scopes of that token, so that a copy of the token cannot be exchanged for more. Only the claims are new.
 * @throws {FRT_ERR_SESSION_REVOKED} if the session has ended
 */
export async function reissueAccessToken(
  components: SessionComponents,
  user: AccessTokenClaims,
  context: CallContext
): Promise<SignedAccessToken> {
  const session = await components.storeClient.call('get', (store) => store.get(user.sid))
  return reissue(components, user, session && { ...session, ...authenticationOf(user) }, context)
}

/** Not that of the session, because another client may have authenticated after the token was copied. */
function authenticationOf({ auth_time, acr, amr }: AccessTokenClaims) {
  return { authenticatedAt: new Date(auth_time * 1000), acr: acr ?? null, amr: amr ?? [] }
}

/**
 * Records an authentication, and returns a new access token like `reissueAccessToken`, with this authentication.
 * @throws {FRT_ERR_INVALID_IDENTITY} if the authentication is invalid
 */
export async function elevate(
  components: SessionComponents,
  user: AccessTokenClaims,
  input: Authentication,
  context: CallContext
): Promise<SignedAccessToken> {
  const authentication = resolveAuthentication(input, 'authentication')
  const session = await components.storeClient.call('update', (store) =>
    store.update(user.sid, { authentication })
  )
  const token = await reissue(components, user, session, context)
  const { sub, sid } = user
  context.log.info(
    { event: 'session_elevated', sid, sub, acr: authentication.acr },
    'user authenticated again'
  )
  return token
}

async function reissue(
  components: SessionComponents,
  user: AccessTokenClaims,
  session: Session | null,
  context: CallContext
): Promise<SignedAccessToken> {
  const { options, accessTokens, revoker, storeClient, storeClock } = components
  const revocation = revoker.findRevocation(user.sid)
  if (revocation) throw revokedError(revocation.reason)
  if (!session) throw revokedError('the session is not in the store')
  const claims = restrictScope(await loadClaims(components, session, context), user)
  const tokenClaims = withClientId(claims, options.accessToken.clientId, () => session)
  const nowMs = await storeClient.call('now', (store) => store.now(session.sub))
  storeClock.sync(nowMs)
  return accessTokens.sign(session, tokenClaims, nowMs, user)
}
