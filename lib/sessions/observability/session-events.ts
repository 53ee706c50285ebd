import type { LogoutEvent, ReuseEvent, SessionEvent } from '../../../types/events.js'
import type { FastifyRefreshTokenOptions } from '../../../types/options.js'
import type { Session } from '../../../types/session.js'
import type { RefreshOutcome } from '../../../types/session-store.js'
import type { Caller } from '../call-context.js'
import type { Parts } from '../components.js'
import { events } from './diagnostics.js'

type HookName = 'onLogin' | 'onRefresh' | 'onLogout' | 'onReuse'
export type Hooks = { readonly [N in HookName]: FastifyRefreshTokenOptions[N] }
type EventOf<N extends HookName> = Parameters<NonNullable<Hooks[N]>>[0]

/** Calls the hook of that name, if there is one, after the fact: nobody waits for it, and what it throws is logged. */
export async function emit<N extends HookName>(
  hooks: Hooks,
  name: N,
  eventOf: () => EventOf<N>,
  { request, log }: Caller
): Promise<void> {
  const hook = hooks[name] as ((event: EventOf<N>, request: Caller['request']) => unknown) | undefined
  if (!hook) return
  const event = eventOf()
  try {
    await hook(event, request)
  } catch (err) {
    log.error({ err, sid: event.sid }, `${name} threw`)
  }
}

export function eventOf({ sub, sid, gen, metadata }: Session): SessionEvent {
  return { sub, sid, gen, metadata }
}

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
