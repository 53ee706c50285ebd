import type { GameSettings } from './adversary-game.js'
import { ACCESS_TTL, W } from './state.js'

type GameOptions = Omit<GameSettings, 'rule'>

const base: GameOptions = {
  untilConfirmed: true,
  accessTtl: ACCESS_TTL,
  victim: { earliest: ACCESS_TTL, latest: ACCESS_TTL, confirms: true },
  maxStolen: 2,
  step: W / 2
}

/** Games by the behavior of the victim. The parameter is the lifetime of an access token in grace periods. */
export const games = {
  confirms: (graces: number) => regular(graces, true),
  neverConfirms: (graces: number) => regular(graces, false),
  anyTime: (graces: number): GameOptions => ({
    ...regular(graces, true),
    victim: { earliest: 0, latest: graces * W, confirms: true }
  }),
  late: (graces: number): GameOptions => ({
    ...regular(graces, true),
    victim: { earliest: graces * W, latest: 2 * graces * W, confirms: true }
  })
}

/** The victim refreshes whenever the access token has expired. */
function regular(graces: number, confirms: boolean): GameOptions {
  const accessTtl = graces * W
  return { ...base, accessTtl, victim: { earliest: accessTtl, latest: accessTtl, confirms } }
}
