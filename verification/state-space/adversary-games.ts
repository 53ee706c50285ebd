import type { DuelSettings } from './adversary-game.js'
import { ACCESS_TTL, W } from './state.js'

type Given = Omit<DuelSettings, 'rule'>

const base: Given = {
  untilConfirmed: true,
  accessTtl: ACCESS_TTL,
  victim: { earliest: ACCESS_TTL, latest: ACCESS_TTL, confirms: true },
  lootSize: 2,
  step: W / 2
}

/** Ways of a victim; an access token that lives for so many graces. */
export const duels = {
  confirms: (graces: number) => punctual(graces, true),
  neverConfirms: (graces: number) => punctual(graces, false),
  anyTime: (graces: number): Given => ({
    ...punctual(graces, true),
    victim: { earliest: 0, latest: graces * W, confirms: true }
  }),
  late: (graces: number): Given => ({
    ...punctual(graces, true),
    victim: { earliest: graces * W, latest: 2 * graces * W, confirms: true }
  })
}

/** He refreshes whenever his access token has expired. */
function punctual(graces: number, confirms: boolean): Given {
  const accessTtl = graces * W
  return { ...base, accessTtl, victim: { earliest: accessTtl, latest: accessTtl, confirms } }
}
