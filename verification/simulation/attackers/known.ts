import { ACCESS_TTL_MS, type Token } from '../server.js'
import { HOUR, MINUTE, SECOND } from '../time.js'
import { type Loot, type Play, refresh, type Thief } from './attacker.js'

/** As a client does: a refresh whenever the access token has ended. */
function* goOn(token: Token, everyMs = ACCESS_TTL_MS, uses = true): Play {
  for (let held = token; ; ) {
    const got = yield* refresh(held, uses)
    if (!got) return
    held = got.token
    yield { wait: everyMs }
  }
}

/** Refreshes so long after each refresh of the victim's. */
function* follow({ token }: Loot, delayMs: number, uses: boolean): Play {
  for (let held = token; ; ) {
    yield { victimRefreshes: 12 * HOUR }
    yield { wait: delayMs }
    const got = yield* refresh(held, uses)
    if (!got) return
    held = got.token
  }
}

/** The jar holds what the victim's refresh brought: the theft itself is put off until then. */
function* untilStolenFresh(): Play {
  yield { victimRefreshes: HOUR }
  yield { wait: 2 * SECOND }
}

/** The contract's thieves: each has one copy of the jar. */
export const known: Thief[] = [
  {
    name: 'uses it at once',
    victim: 'steady',
    play: ({ token }) => goOn(token)
  },
  {
    name: 'later: an hour after',
    victim: 'steady',
    *play({ token }) {
      yield { wait: HOUR }
      yield* goOn(token)
    }
  },
  {
    name: 'before the victim: ten seconds before his next refresh',
    victim: 'steady',
    *play({ token }) {
      yield* untilStolenFresh()
      const { token: copy } = yield { copyJar: true }
      // The victim's next refresh is not before his access token ends.
      yield { wait: ACCESS_TTL_MS - 12 * SECOND }
      yield* goOn(copy ?? token)
    }
  },
  {
    name: 'after the victim: ten seconds after his next refresh',
    victim: 'steady',
    *play({ token }) {
      yield { victimRefreshes: HOUR }
      yield { wait: 10 * SECOND }
      yield* goOn(token)
    }
  },
  {
    name: 'one step behind, in lockstep',
    victim: 'steady',
    play: (loot) => follow(loot, ACCESS_TTL_MS - MINUTE, true)
  },
  {
    name: 'polls every 3 s',
    victim: 'steady',
    play: ({ token }) => goOn(token, 3 * SECOND)
  },
  {
    name: 'mirrors each refresh two seconds later',
    victim: 'steady',
    play: (loot) => follow(loot, 2 * SECOND, true)
  },
  {
    name: "refreshes a minute before each of the victim's, unseen",
    victim: 'steady',
    *play({ token }) {
      yield* untilStolenFresh()
      const { token: copy } = yield { copyJar: true }
      let held = copy ?? token
      for (;;) {
        yield { wait: ACCESS_TTL_MS - MINUTE }
        const got = yield* refresh(held, false)
        if (!got) return
        held = got.token
        yield { victimRefreshes: HOUR }
      }
    }
  },
  {
    name: 'after a store failover that lost the last refresh',
    victim: 'steady',
    *play({ token }) {
      yield { victimRefreshes: HOUR }
      yield { wait: SECOND }
      yield { failover: 5 * SECOND }
      yield* goOn(token)
    }
  }
]
