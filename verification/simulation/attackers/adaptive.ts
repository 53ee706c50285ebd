import { ACCESS_TTL_MS, type Access, type Token } from '../server.js'
import { DAY, HOUR, MINUTE, SECOND } from '../time.js'
import { type Play, refresh, type Thief } from './attacker.js'

const isSame = (a: Token, b: Token) => a.gen === b.gen && a.issuedUs === b.issuedUs

/** Thieves who go by what they see: answers, generations, the session list, the victim's rhythm. */
export const adaptive: Thief[] = [
  {
    name: 'goes on only while the answers replay',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        const got = yield* refresh(held, true)
        if (!got) return
        held = got.token
        yield { wait: got.isNew ? ACCESS_TTL_MS : 20 * SECOND }
      }
    }
  },
  {
    name: 'stops for an hour when a new token comes',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        const got = yield* refresh(held, true)
        if (!got) return
        held = got.token
        yield { wait: got.isNew ? HOUR : MINUTE }
      }
    }
  },
  {
    name: 'refreshes in the rest alone, whose length he has measured',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        yield { victimRefreshes: HOUR }
        for (let i = 0; i < 8; i++) {
          yield { wait: 10 * SECOND }
          const got = yield* refresh(held, false)
          if (!got) return
          held = got.token
        }
      }
    }
  },
  {
    name: 'presents the stolen copy alone, right after each refresh',
    victim: 'steady',
    *play({ token }) {
      for (;;) {
        yield { victimRefreshes: HOUR }
        yield { wait: SECOND }
        if (!(yield* refresh(token, false))) return
      }
    }
  },
  {
    name: 'keeps several copies, and presents the oldest of the newest generation',
    victim: 'steady',
    *play({ token }) {
      let copies = [token]
      for (;;) {
        yield { victimRefreshes: HOUR }
        for (let i = 0; i < 4; i++) {
          yield { wait: 5 * SECOND }
          const [oldest] = copies
          const got = oldest && (yield* refresh(oldest, false))
          if (!got) return
          const { token: fresh } = got
          if (oldest && fresh.gen > oldest.gen) copies = [fresh]
          else if (!copies.some((copy) => isSame(copy, fresh))) copies.push(fresh)
        }
      }
    }
  },
  {
    name: 'races each refresh: presents 50 ms after it, unconfirmed',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        yield { victimRefreshes: HOUR }
        yield { wait: 50 }
        const got = yield* refresh(held, false)
        if (!got) return
        held = got.token
      }
    }
  },
  {
    name: 'goes ahead, then rotates again each time before the victim confirms',
    victim: 'steady',
    *play({ token }) {
      yield { victimRefreshes: HOUR }
      yield { wait: 2 * SECOND }
      let held = (yield { copyJar: true }).token ?? token
      for (let isAhead = false; ; ) {
        const got = yield* refresh(held, false)
        if (!got) return
        held = got.token
        isAhead ||= got.isNew
        if (isAhead) yield { victimRefreshes: HOUR }
        else yield { wait: 5 * SECOND }
      }
    }
  },
  {
    name: 'takes a 503 for a warning, and stops',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        const { answer } = yield { present: held }
        if (answer?.status !== 200) return
        yield { use: answer.access }
        held = answer.token
        yield { wait: ACCESS_TTL_MS }
      }
    }
  },
  {
    name: 'waits until the victim sleeps, goes on while he does',
    needs: 'knows when',
    victim: 'everyday',
    play: ({ token }) => whileAsleep(token)
  },
  {
    name: 'goes by the session list: refreshes when last_used_at is an hour old',
    victim: 'everyday',
    play: ({ token, now }) => byTheList(token, now)
  },
  {
    name: 'puts his first new copy into the victim’s jar, once',
    needs: 'writes the jar: no __Host- prefix',
    victim: 'steady',
    *play({ token }) {
      const got = yield* refresh(token, true)
      if (!got) return
      yield { toss: got.token }
      yield { wait: ACCESS_TTL_MS }
      for (let held = got.token; ; ) {
        const next = yield* refresh(held, true)
        if (!next) return
        held = next.token
        yield { wait: ACCESS_TTL_MS }
      }
    }
  },
  {
    name: 'puts each new copy into the victim’s jar',
    needs: 'writes the jar, again and again',
    victim: 'steady',
    *play({ token }) {
      for (let held = token; ; ) {
        const got = yield* refresh(held, true)
        if (!got) return
        held = got.token
        yield { toss: held }
        yield { wait: ACCESS_TTL_MS - MINUTE }
      }
    }
  },
  {
    name: 'copies the jar again before each refresh',
    needs: 'reads the jar, again and again',
    victim: 'steady',
    *play() {
      for (;;) {
        yield { victimRefreshes: HOUR }
        yield { wait: 10 * SECOND }
        const { token } = yield { copyJar: true }
        if (!token || !(yield* refresh(token, true))) return
      }
    }
  }
]

function* whileAsleep(token: Token): Play {
  for (let held = token; ; ) {
    yield { victimSleeps: true, atMost: DAY }
    yield { wait: MINUTE }
    const got = yield* refresh(held, true)
    if (!got) return
    held = got.token
    yield { wait: ACCESS_TTL_MS }
  }
}

function* byTheList(token: Token, now: () => number): Play {
  let held = token
  let access: Access | undefined
  for (;;) {
    const { answer } = yield { present: held }
    if (answer?.status !== 200) return
    if (answer.setsCookie) held = answer.token
    access = answer.access
    // He looks at the list for as long as his access token lives, then has to decide without.
    for (let looks = 0; looks < 4; looks++) {
      yield { wait: MINUTE }
      const { lastUsedHour } = yield { list: access }
      if (lastUsedHour !== undefined && lastUsedHour < Math.floor(now() / HOUR)) break
    }
    yield { wait: HOUR }
  }
}
