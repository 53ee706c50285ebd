import type { Random } from '../random.js'
import type { Access, Answer, Token } from '../server.js'
import { SECOND } from '../time.js'

/** What a thief does next; what comes of it is the result of the `yield`. */
export type Move =
  | { wait: number }
  /** Until the victim's next refresh, or, at the latest, for so long. */
  | { victimRefreshes: number }
  /** Until the victim's device sleeps (or wakes), or, at the latest, for so long. */
  | { victimSleeps: boolean; atMost: number }
  | { present: Token }
  | { use: Access }
  /** Reads the session list: `last_used_at` to the hour. */
  | { list: Access }
  /** More than one copy of the jar. */
  | { copyJar: true }
  /** Puts a cookie into the victim's jar. */
  | { toss: Token }
  /** The store loses the last so many milliseconds. */
  | { failover: number }

/** An answer, an hour, a copy: whatever the move asked for. */
export interface Seen {
  answer?: Answer
  lastUsedHour?: number
  token?: Token
}

/** What the theft gave him, and the clock. */
export interface Loot {
  token: Token
  now(): number
  random: Random
}

export type Play = Generator<Move, void, Seen>

export interface Thief {
  name: string
  /** What he has beside one copy of the jar. */
  needs?: string
  /** Whom he robs: one tab, or a mobile client, that never sleeps; or an everyday victim with five tabs. */
  victim: 'steady' | 'phone' | 'everyday'
  play(loot: Loot): Play
}

/**
 * Refreshes, and uses the access token unless he wants to stay unseen. Told to try again, he does.
 * @returns the token he holds afterwards; null where he was refused
 */
export function* refresh(
  token: Token,
  uses: boolean
): Generator<Move, { token: Token; isNew: boolean } | null, Seen> {
  for (;;) {
    const { answer } = yield { present: token }
    if (answer?.status === 503) {
      yield { wait: SECOND }
      continue
    }
    if (answer?.status !== 200) return null
    if (uses) yield { use: answer.access }
    return answer.setsCookie ? { token: answer.token, isNew: true } : { token, isNew: false }
  }
}
