import type { SessionEvent } from '../types/events.js'
import type { Session } from '../types/identity.js'
import type { FastifyRefreshTokenOptions } from '../types/options.js'
import type { Caller } from './caller.js'

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
