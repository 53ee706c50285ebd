import type { Row } from '../../lib/store/rotation-rule.js'
import type { Rule } from './rule.js'
import { type Copy, RETENTION, W, type World } from './state.js'

export interface ServerSettings {
  rule: Rule
  untilConfirmed: boolean
}

/** What became of a refresh. */
export interface Refreshed {
  world: World
  /** Which row the token fell under; 1 where the session had ended. */
  row: Row | 1
  /** What a client has afterwards; null where it was refused. */
  copy: Copy | null
}

/** A refresh token reaches the server: the rows of the rule, and what the store keeps of it. */
export function refresh(world: World, copy: Copy, { rule, untilConfirmed }: ServerSettings): Refreshed {
  const { now, store } = world
  if (isKnown(world)) return { world: { ...world, store: null }, row: 1, copy: null }
  if (!store) return { world, row: 1, copy: null }

  const presented = {
    gen: copy.gen,
    issuedUs: copy.at,
    untilConfirmed,
    rollback: 'accept-one' as const,
    graceUs: W
  }
  const row = rule.evaluate(store, presented, now)
  switch (row) {
    case 3:
      return { world: { ...world, store: rule.confirm(store, now) }, row, copy }
    case 5:
    case 8:
    case 10:
      return { world: end(world), row, copy: null }
    case 6:
    case 7: {
      const next = rule.reissue(store, now)
      return { world: { ...world, store: next }, row, copy: { gen: next.gen, at: next.issuedUs } }
    }
    default: {
      const next = rule.rotate(store, { ...presented, idempotencyKey: '' }, row, now)
      return { world: { ...world, store: next }, row, copy: { gen: next.gen, at: next.issuedUs } }
    }
  }
}

/** An access token of a generation was used. */
export function confirm(world: World, gen: number, { rule }: ServerSettings): World {
  const { store, now } = world
  return store?.gen === gen ? { ...world, store: rule.confirm(store, now) } : world
}

/** The session ends: for the store, and for the process that ended it. */
export function end(world: World): World {
  return { ...world, store: null, hasEnded: true, knownUntil: world.now + RETENTION }
}

/** Whether the process refuses the session, whatever the store has of it. */
export function isKnown({ knownUntil, now }: World): boolean {
  return knownUntil !== null && now < knownUntil
}
