import type { LogoutEvent } from '../../types/events.js'
import type { RevocationReason } from '../../types/session.js'
import { errors } from '../errors.js'
import type { Caller } from './call-context.js'
import type { Parts } from './components.js'
import { tellOfLogout } from './observability/session-events.js'
import type { Ended } from './revocation/revoker.js'

/** Tells of sessions that were ended, once each; a theft is told of elsewhere. */
export function tellOfEnd(parts: Parts, caller: Caller): Ended {
  return (session, reason) => tellOfLogout(parts, session, reason as LogoutEvent['reason'], caller)
}

/** Ends a session that nobody waits to see ended. */
export async function endQuietly(
  parts: Parts,
  sid: string,
  reason: RevocationReason,
  caller: Caller
): Promise<void> {
  try {
    await parts.revoker.end(sid, reason, tellOfEnd(parts, caller))
  } catch (err) {
    caller.log.info({ err, event: 'end_delayed', sid }, 'a session could not be ended yet: it is tried again')
  }
}

/** Why a session ended is for the log: the client is told that it did. */
export function sessionRevoked(reason: string): Error {
  return new errors.SessionRevoked({ cause: new Error(reason) })
}
