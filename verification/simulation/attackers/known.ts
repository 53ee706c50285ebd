import { ACCESS_TTL_MS, type RefreshToken } from '../server.js'
import { HOUR, MINUTE, SECOND } from '../timeline.js'
import { type Attack, type AttackContext, type Attacker, refresh } from './attacker.js'

/** Refreshes whenever the access token has expired, as a client does. */
function* refreshRegularly(token: RefreshToken, everyMs = ACCESS_TTL_MS): Attack {
  for (let held = token; ; ) {
    const result = yield* refresh(held, true)
    if (!result) return
    held = result.token
    yield { wait: everyMs }
  }
}

/** Refreshes at a fixed delay after each refresh of the victim. */
function* refreshAfterVictim({ stolenToken }: AttackContext, delayMs: number): Attack {
  for (let held = stolenToken; ; ) {
    yield { victimRefreshes: 12 * HOUR }
    yield { wait: delayMs }
    const result = yield* refresh(held, true)
    if (!result) return
    held = result.token
  }
}

/** Waits until the cookie holds the token of the victim's next refresh, so that the attacker can copy a fresh one. */
function* waitForFreshCookie(): Attack {
  yield { victimRefreshes: HOUR }
  yield { wait: 2 * SECOND }
}

/** Attackers with one copy of the cookie and a fixed schedule. */
export const known: Attacker[] = [
  {
    name: 'uses the copy at once',
    seedName: 'uses it at once',
    victim: 'steady',
    attack: ({ stolenToken }) => refreshRegularly(stolenToken)
  },
  {
    name: 'uses the copy an hour later',
    seedName: 'later: an hour after',
    victim: 'steady',
    *attack({ stolenToken }) {
      yield { wait: HOUR }
      yield* refreshRegularly(stolenToken)
    }
  },
  {
    name: "starts ten seconds before the victim's next refresh",
    seedName: 'before the victim: ten seconds before his next refresh',
    victim: 'steady',
    *attack({ stolenToken }) {
      yield* waitForFreshCookie()
      const { token: copy } = yield { copyCookie: true }
      // The victim does not refresh before the access token expires.
      yield { wait: ACCESS_TTL_MS - 12 * SECOND }
      yield* refreshRegularly(copy ?? stolenToken)
    }
  },
  {
    name: "starts ten seconds after the victim's next refresh",
    seedName: 'after the victim: ten seconds after his next refresh',
    victim: 'steady',
    *attack({ stolenToken }) {
      yield { victimRefreshes: HOUR }
      yield { wait: 10 * SECOND }
      yield* refreshRegularly(stolenToken)
    }
  },
  {
    name: 'one step behind, in lockstep',
    victim: 'steady',
    attack: (context) => refreshAfterVictim(context, ACCESS_TTL_MS - MINUTE)
  },
  {
    name: 'refreshes every 3 s',
    seedName: 'polls every 3 s',
    victim: 'steady',
    attack: ({ stolenToken }) => refreshRegularly(stolenToken, 3 * SECOND)
  },
  {
    name: 'repeats each refresh of the victim two seconds later',
    seedName: 'mirrors each refresh two seconds later',
    victim: 'steady',
    attack: (context) => refreshAfterVictim(context, 2 * SECOND)
  },
  {
    name: "refreshes a minute before each of the victim's, does not use the access token",
    seedName: "refreshes a minute before each of the victim's, unseen",
    victim: 'steady',
    *attack({ stolenToken }) {
      yield* waitForFreshCookie()
      const { token: copy } = yield { copyCookie: true }
      let held = copy ?? stolenToken
      for (;;) {
        yield { wait: ACCESS_TTL_MS - MINUTE }
        const result = yield* refresh(held, false)
        if (!result) return
        held = result.token
        yield { victimRefreshes: HOUR }
      }
    }
  },
  {
    name: 'after a store failover that lost the last refresh',
    victim: 'steady',
    *attack({ stolenToken }) {
      yield { victimRefreshes: HOUR }
      yield { wait: SECOND }
      yield { failover: 5 * SECOND }
      yield* refreshRegularly(stolenToken)
    }
  }
]
