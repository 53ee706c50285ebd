import type { LogoutEvent, ReuseEvent } from '../../types/events.js'
import type { Session } from '../../types/identity.js'
import type { Caller } from '../caller.js'
import { events } from '../diagnostics.js'
import { emit, eventOf } from '../events.js'
import type { RefreshOutcome } from '../store/session-store.js'
import type { Parts } from './parts.js'

// What happens to a session is told here, once: to the log, to the channel, and to the hook.

type Answered = Extract<RefreshOutcome, { outcome: 'rotated' | 'replayed' }>

export function tellOfLogin({ options }: Parts, session: Session, caller: Caller): void {
  const { sub, sid, gen } = session
  caller.log.info({ event: 'login', sid, sub }, 'a session has begun')
  if (events.login.hasSubscribers) {
    events.login.publish({ keyPrefix: options.keyPrefix, sub, sid, gen })
  }
  void emit(options, 'onLogin', () => eventOf(session), caller)
}

export function tellOfRefresh({ options }: Parts, refresh: Answered, caller: Caller): void {
  const { session, outcome, row } = refresh
  const { sub, sid, gen } = session
  const rollback = outcome === 'rotated' && refresh.rollback
  if (rollback) {
    caller.log.warn({ event: 'store_rollback', sid, sub, row }, 'the session store had lost a write')
  } else {
    caller.log.debug({ event: 'refresh', sid, sub, outcome, row }, 'a refresh token was exchanged')
  }
  if (events.refresh.hasSubscribers) {
    events.refresh.publish({ keyPrefix: options.keyPrefix, sub, sid, gen, outcome, row, rollback })
  }
  void emit(options, 'onRefresh', () => ({ ...eventOf(session), outcome, row, rollback }), caller)
}

/** A session that a stolen token has ended: by whoever was the first to end it. */
export function tellOfReuse(
  { options }: Parts,
  session: Session,
  { reason, row }: Pick<ReuseEvent, 'reason' | 'row'>,
  caller: Caller
): void {
  const { sub, sid, gen } = session
  caller.log.warn({ event: reason, sid, sub, row }, 'a refresh token was reused: its session has ended')
  if (events.refresh.hasSubscribers) {
    const outcome = reason === 'reuse' ? 'reused' : 'rolled-back'
    events.refresh.publish({ keyPrefix: options.keyPrefix, sub, sid, gen, outcome, row, rollback: false })
  }
  void emit(options, 'onReuse', () => ({ ...eventOf(session), reason, row }), caller)
}

export function tellOfLogout(
  { options }: Parts,
  session: Session,
  reason: LogoutEvent['reason'],
  caller: Caller
): void {
  const { sub, sid, gen } = session
  caller.log.info({ event: 'logout', sid, sub, reason }, 'a session has ended')
  if (events.logout.hasSubscribers) {
    events.logout.publish({ keyPrefix: options.keyPrefix, sub, sid, gen, reason })
  }
  void emit(options, 'onLogout', () => ({ ...eventOf(session), reason }), caller)
}
