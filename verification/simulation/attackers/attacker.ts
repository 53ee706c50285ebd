import type { Random } from '../random.js'
import type { AccessToken, RefreshResponse, RefreshToken } from '../server.js'
import { SECOND } from '../timeline.js'

/** The next action of an attacker. The `yield` expression evaluates to its result. */
export type Action =
  | { wait: number }
  /** Waits for the victim's next refresh, at most for this time. */
  | { victimRefreshes: number }
  /** Waits until the victim's device sleeps (or wakes), at most for the time in `atMost`. */
  | { victimSleeps: boolean; atMost: number }
  | { present: RefreshToken }
  | { use: AccessToken }
  /** Reads the session list, which shows the hour of `last_used_at`. */
  | { list: AccessToken }
  /** Copies the victim's cookie again. */
  | { copyCookie: true }
  /** Sets the victim's cookie. */
  | { setCookie: RefreshToken }
  /** The store loses the writes of this many milliseconds. */
  | { failover: number }

/** The result of an action. Each action sets the field that belongs to it. */
export interface ActionResult {
  response?: RefreshResponse
  lastUsedHour?: number
  token?: RefreshToken
}

/** What an attack starts with: the copied token, the clock and random numbers. */
export interface AttackContext {
  stolenToken: RefreshToken
  now(): number
  random: Random
}

export type Attack = Generator<Action, void, ActionResult>

export interface Attacker {
  name: string
  /** Used as a seed of the random numbers instead of `name`. See `seedNameOf`. */
  seedName?: string
  /** What the attacker can do in addition to copying the cookie once. */
  needs?: string
  /** `steady`: one tab. `phone`: a mobile client. Neither sleeps. `everyday`: a laptop with five tabs that sleeps. */
  victim: 'steady' | 'phone' | 'everyday'
  attack(context: AttackContext): Attack
}

/**
 * Refreshes, and retries after 503.
 *
 * @param confirms whether the attacker uses the new access token, which confirms its generation
 * @returns the token that the attacker holds afterwards, or `null` if the refresh was rejected
 */
export function* refresh(
  token: RefreshToken,
  confirms: boolean
): Generator<Action, { token: RefreshToken; isNew: boolean } | null, ActionResult> {
  for (;;) {
    const { response } = yield { present: token }
    if (response?.status === 503) {
      yield { wait: SECOND }
      continue
    }
    if (response?.status !== 200) return null
    if (confirms) yield { use: response.access }
    return response.setsCookie ? { token: response.token, isNew: true } : { token, isNew: false }
  }
}
