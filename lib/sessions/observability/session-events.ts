import type { LogoutEvent, ReuseEvent, SessionEvent } from '../../../types/events.js'
import type { FastifyRefreshTokenOptions } from '../../../types/options.js'
import type { Session } from '../../../types/session.js'
import type { RefreshOutcome } from '../../../types/session-store.js'
import type { CallContext } from '../call-context.js'
import { events } from './diagnostics.js'

type HookName = 'onLogin' | 'onRefresh' | 'onLogout' | 'onReuse'
export type Hooks = { readonly [N in HookName]: FastifyRefreshTokenOptions[N] }
type EventOf<N extends HookName> = Parameters<NonNullable<Hooks[N]>>[0]
type Conflict = Extract<RefreshOutcome, { outcome: 'conflict' }>
export type SuccessfulRefresh = Extract<RefreshOutcome, { outcome: 'rotated' | 'replayed' }>

/** The options that events need. */
export type EventOptions = Hooks & { keyPrefix: string }

// Each event is emitted once to three places: the log, a diagnostics channel, and the matching hook. A failover that loses a
// write can cause a second event in another process. Both have one id.

const createdId = (sid: string) => `created:${sid}`
/** A session ends once, so that a logout after a reuse is a repetition too. */
const endedId = (sid: string) => `ended:${sid}`

export function emitLogin(options: EventOptions, session: Session, context: CallContext): void {
  const { sub, sid, gen } = session
  context.log.info({ event: 'session_created', sid, sub }, 'session created')
  if (events.login.hasSubscribers) {
    events.login.publish({ keyPrefix: options.keyPrefix, id: createdId(sid), sub, sid, gen })
  }
  void callHook(options, 'onLogin', () => eventOf(createdId(sid), session), context)
}

/** @param key unique to this refresh */
export function emitRefresh(
  options: EventOptions,
  refresh: SuccessfulRefresh,
  key: string,
  context: CallContext
): void {
  const { session, outcome, row } = refresh
  const id = `refreshed:${key}`
  const { sub, sid, gen } = session
  const rollback = outcome === 'rotated' && refresh.rollback
  const { metadata } = session
  const previousMetadata = outcome === 'rotated' ? refresh.previousMetadata : metadata
  if (rollback) {
    const message = 'session store lost a write; accepting the newer refresh token'
    context.log.warn({ event: 'store_write_lost', sid, sub, row }, message)
  } else {
    context.log.debug({ event: 'session_refreshed', sid, sub, outcome, row }, 'refresh token exchanged')
  }
  if (events.refresh.hasSubscribers) {
    const fields = { outcome, row, rollback, previousMetadata, metadata }
    events.refresh.publish({ keyPrefix: options.keyPrefix, id, sub, sid, gen, ...fields })
  }
  const event = () => ({ ...eventOf(id, session), outcome, row, rollback, previousMetadata })
  void callHook(options, 'onRefresh', event, context)
}

/**
 * Emits a refresh that changed nothing, because the client has to try again. No hook is called.
 * @param key unique to this refresh
 */
export function emitConflict(
  options: EventOptions,
  { session, outcome, row }: Conflict,
  key: string,
  context: CallContext
): void {
  const { sub, sid, gen } = session
  context.log.debug(
    { event: 'refresh_conflict', sid, sub, row },
    'refresh token was replaced; client must retry'
  )
  if (events.refresh.hasSubscribers) {
    const id = `conflict:${key}`
    events.refresh.publish({ keyPrefix: options.keyPrefix, id, sub, sid, gen, outcome, row, rollback: false })
  }
}

const REUSE_LINES = {
  reuse: {
    event: 'refresh_token_reused',
    message: 'refresh token reused; session revoked on all nodes'
  },
  rollback: {
    event: 'refresh_token_rolled_back',
    message: 'refresh token is ahead of the store by more than one rotation; session revoked on all nodes'
  }
} as const

/** Emits the reuse of a refresh token. Called by the process that revoked the session, so that it is emitted once. */
export function emitReuse(
  options: EventOptions,
  session: Session,
  { reason, row }: Pick<ReuseEvent, 'reason' | 'row'>,
  context: CallContext
): void {
  const { sub, sid, gen } = session
  const { event, message } = REUSE_LINES[reason]
  context.log.warn({ event, sid, sub, row }, message)
  if (events.refresh.hasSubscribers) {
    const outcome = reason === 'reuse' ? 'reused' : 'rolled-back'
    const id = endedId(sid)
    events.refresh.publish({ keyPrefix: options.keyPrefix, id, sub, sid, gen, outcome, row, rollback: false })
  }
  void callHook(options, 'onReuse', () => ({ ...eventOf(endedId(sid), session), reason, row }), context)
}

/** Emits the rejection of a refresh token whose session is bound to a key. No hook is called. The session continues. */
export function emitProofRefused(
  { keyPrefix }: EventOptions,
  sid: string,
  reason: 'required' | 'mismatch',
  { log }: CallContext
): void {
  log.info({ event: 'proof_refused', sid, reason }, 'refresh token rejected; its session is bound to a key')
  if (events.proofRefused.hasSubscribers) events.proofRefused.publish({ keyPrefix, sid, reason })
}

export function emitLogout(
  options: EventOptions,
  session: Session,
  reason: LogoutEvent['reason'],
  context: CallContext
): void {
  const { sub, sid, gen } = session
  context.log.info({ event: 'session_revoked', sid, sub, reason }, 'session revoked')
  if (events.logout.hasSubscribers) {
    events.logout.publish({ keyPrefix: options.keyPrefix, id: endedId(sid), sub, sid, gen, reason })
  }
  void callHook(options, 'onLogout', () => ({ ...eventOf(endedId(sid), session), reason }), context)
}

/**
 * Calls the application's hook, if there is one. No response waits for it, and its errors are only logged.
 * @param createEvent is called only if there is a hook
 */
export async function callHook<N extends HookName>(
  hooks: Hooks,
  name: N,
  createEvent: () => EventOf<N>,
  { request, log }: CallContext
): Promise<void> {
  const hook = hooks[name] as ((event: EventOf<N>, request: CallContext['request']) => unknown) | undefined
  if (!hook) return
  const event = createEvent()
  try {
    await hook(event, request)
  } catch (err) {
    log.error({ err, event: 'hook_failed', sid: event.sid }, `${name} hook failed; the response is unchanged`)
  }
}

function eventOf(id: string, { sub, sid, gen, metadata }: Session): SessionEvent {
  return { id, sub, sid, gen, metadata }
}
