import type { Claims, Session } from '../../types/session.js'
import type { CallContext } from './call-context.js'
import type { SessionComponents } from './components.js'
import { resolveLoaded } from './identity.js'
import { logoutEmitter, revokedError } from './revoke-session.js'

/**
 * Returns the claims for the next access token of a session: those that the option `session.load` returns, or those of the
 * session. If the option returns `null`, revokes the session.
 * @throws {FRT_ERR_SESSION_REVOKED} if the session was revoked
 */
export async function loadClaims(
  components: SessionComponents,
  session: Session,
  context: CallContext
): Promise<Claims> {
  const { load } = components.options.session
  if (!load) return session.claims
  const loaded = await load(session.sub, session)
  if (!loaded) {
    await components.revoker.revoke([session.sid], 'disabled', logoutEmitter(components, context))
    throw revokedError('disabled')
  }
  return resolveLoaded(loaded) ?? session.claims
}
