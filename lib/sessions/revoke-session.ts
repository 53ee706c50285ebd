import type { LogoutEvent } from '../../types/events.js'
import type { RevocationReason } from '../../types/session.js'
import { errors } from '../errors.js'
import type { CallContext } from './call-context.js'
import type { SessionComponents } from './components.js'
import { emitLogout } from './observability/session-events.js'
import type { OnRevoked } from './revocation/revoker.js'

/** Emits a logout for each revoked session. Reuse has its own event. */
export function logoutEmitter({ options }: SessionComponents, context: CallContext): OnRevoked {
  return (session, reason) => emitLogout(options, session, reason as LogoutEvent['reason'], context)
}

/** Revokes the sessions of presented tokens without failing the request. A failure is logged and retried. */
export async function revokeInBackground(
  components: SessionComponents,
  sids: string[],
  reason: RevocationReason,
  context: CallContext
): Promise<void> {
  const { revoker } = components
  const unsettled = revoker.withoutSettled(sids)
  try {
    await revoker.revoke(unsettled, reason, logoutEmitter(components, context))
  } catch (err) {
    const fields = { err, event: 'revocation_delayed', sids: unsettled }
    context.log.info(fields, 'could not revoke the sessions; retrying in the background')
  }
}

/** The client learns only that the session was revoked. The reason goes to the log. */
export function revokedError(reason: string): Error {
  return new errors.SessionRevoked({ cause: new Error(reason) })
}
