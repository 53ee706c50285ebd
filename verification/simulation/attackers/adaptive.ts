import { ACCESS_TTL_MS, type AccessToken, type RefreshToken } from '../server.js'
import { DAY, HOUR, MINUTE, SECOND } from '../timeline.js'
import { type Attack, type Attacker, refresh } from './attacker.js'

const isSame = (a: RefreshToken, b: RefreshToken) => a.gen === b.gen && a.issuedUs === b.issuedUs

/** Attackers that react to what they observe: responses, generations, the session list, the victim's refreshes. */
export const adaptive: Attacker[] = [
  {
    name: 'refreshes every 20 s, but waits 5 minutes after a new token',
    seedName: 'goes on only while the answers replay',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        const result = yield* refresh(held, true)
        if (!result) return
        held = result.token
        yield { wait: result.isNew ? ACCESS_TTL_MS : 20 * SECOND }
      }
    }
  },
  {
    name: 'refreshes every minute, but waits an hour after a new token',
    seedName: 'stops for an hour when a new token comes',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        const result = yield* refresh(held, true)
        if (!result) return
        held = result.token
        yield { wait: result.isNew ? HOUR : MINUTE }
      }
    }
  },
  {
    name: 'refreshes only during the cooldown',
    seedName: 'refreshes in the rest alone, whose length he has measured',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        yield { victimRefreshes: HOUR }
        for (let i = 0; i < 8; i++) {
          yield { wait: 10 * SECOND }
          const result = yield* refresh(held, false)
          if (!result) return
          held = result.token
        }
      }
    }
  },
  {
    name: 'presents only the stolen copy, one second after each refresh of the victim',
    seedName: 'presents the stolen copy alone, right after each refresh',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (;;) {
        yield { victimRefreshes: HOUR }
        yield { wait: SECOND }
        if (!(yield* refresh(stolenToken, false))) return
      }
    }
  },
  {
    name: 'keeps several copies, presents the oldest of the newest generation',
    seedName: 'keeps several copies, and presents the oldest of the newest generation',
    victim: 'steady',
    *attack({ stolenToken }) {
      let copies = [stolenToken]
      for (;;) {
        yield { victimRefreshes: HOUR }
        for (let i = 0; i < 4; i++) {
          yield { wait: 5 * SECOND }
          const [oldest] = copies
          const result = oldest && (yield* refresh(oldest, false))
          if (!result) return
          const { token: received } = result
          if (oldest && received.gen > oldest.gen) copies = [received]
          else if (!copies.some((copy) => isSame(copy, received))) copies.push(received)
        }
      }
    }
  },
  {
    name: 'presents 50 ms after each refresh of the victim, does not confirm',
    seedName: 'races each refresh: presents 50 ms after it, unconfirmed',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        yield { victimRefreshes: HOUR }
        yield { wait: 50 }
        const result = yield* refresh(held, false)
        if (!result) return
        held = result.token
      }
    }
  },
  {
    name: 'rotates first, then again each time before the victim confirms',
    seedName: 'goes ahead, then rotates again each time before the victim confirms',
    victim: 'steady',
    *attack({ stolenToken }) {
      yield { victimRefreshes: HOUR }
      yield { wait: 2 * SECOND }
      let held = (yield { copyCookie: true }).token ?? stolenToken
      for (let hasRotated = false; ; ) {
        const result = yield* refresh(held, false)
        if (!result) return
        held = result.token
        hasRotated ||= result.isNew
        if (hasRotated) yield { victimRefreshes: HOUR }
        else yield { wait: 5 * SECOND }
      }
    }
  },
  {
    name: 'stops at a 503',
    seedName: 'takes a 503 for a warning, and stops',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        const { response } = yield { present: held }
        if (response?.status !== 200) return
        yield { use: response.access }
        held = response.token
        yield { wait: ACCESS_TTL_MS }
      }
    }
  },
  {
    name: "refreshes only while the victim's device sleeps",
    seedName: 'waits until the victim sleeps, goes on while he does',
    needs: 'can detect sleep',
    victim: 'everyday',
    attack: ({ stolenToken }) => refreshWhileAsleep(stolenToken)
  },
  {
    name: 'waits for one refresh of the victim and 8 minutes of its sleep, and presents the token that it replaced',
    needs: 'can detect sleep',
    victim: 'everyday',
    *attack({ stolenToken }) {
      yield { victimRefreshes: DAY }
      yield* refreshAfterSilence(stolenToken)
    }
  },
  {
    name: 'copies the cookie jar after 8 minutes of sleep',
    needs: 'can detect sleep, can read cookies at that time',
    victim: 'everyday',
    attack: ({ stolenToken }) => refreshAfterSilence(stolenToken, true)
  },
  {
    name: 'refreshes when last_used_at in the session list is an hour old',
    seedName: 'goes by the session list: refreshes when last_used_at is an hour old',
    victim: 'everyday',
    attack: ({ stolenToken, now }) => refreshBySessionList(stolenToken, now)
  },
  {
    name: "sets the first new copy as the victim's cookie, once",
    seedName: 'puts his first new copy into the victim’s jar, once',
    needs: 'can set cookies, no __Host- prefix',
    victim: 'steady',
    *attack({ stolenToken }) {
      const result = yield* refresh(stolenToken, true)
      if (!result) return
      yield { setCookie: result.token }
      yield { wait: ACCESS_TTL_MS }
      for (let held = result.token; ; ) {
        const next = yield* refresh(held, true)
        if (!next) return
        held = next.token
        yield { wait: ACCESS_TTL_MS }
      }
    }
  },
  {
    name: "sets each new copy as the victim's cookie",
    seedName: 'puts each new copy into the victim’s jar',
    needs: 'can set cookies repeatedly',
    victim: 'steady',
    *attack({ stolenToken }) {
      for (let held = stolenToken; ; ) {
        const result = yield* refresh(held, true)
        if (!result) return
        held = result.token
        yield { setCookie: held }
        yield { wait: ACCESS_TTL_MS - MINUTE }
      }
    }
  },
  {
    name: "copies the victim's cookies again before each refresh",
    seedName: 'copies the jar again before each refresh',
    needs: 'can read cookies repeatedly',
    victim: 'steady',
    *attack() {
      for (;;) {
        yield { victimRefreshes: HOUR }
        yield { wait: 10 * SECOND }
        const { token } = yield { copyCookie: true }
        if (!token || !(yield* refresh(token, true))) return
      }
    }
  }
]

function* refreshWhileAsleep(stolenToken: RefreshToken): Attack {
  for (let held = stolenToken; ; ) {
    yield { victimSleeps: true, atMost: DAY }
    yield { wait: MINUTE }
    const result = yield* refresh(held, true)
    if (!result) return
    held = result.token
    yield { wait: ACCESS_TTL_MS }
  }
}

/** @param copiesAgain whether the attacker copies the cookie jar after the silence */
function* refreshAfterSilence(stolenToken: RefreshToken, copiesAgain = false): Attack {
  yield { victimSleeps: true, atMost: DAY }
  yield { wait: 8 * MINUTE }
  let held = stolenToken
  if (copiesAgain) held = (yield { copyCookie: true }).token ?? held
  for (;;) {
    const result = yield* refresh(held, true)
    if (!result) return
    held = result.token
    yield { wait: ACCESS_TTL_MS }
  }
}

function* refreshBySessionList(stolenToken: RefreshToken, now: () => number): Attack {
  let held = stolenToken
  let access: AccessToken | undefined
  for (;;) {
    const { response } = yield { present: held }
    if (response?.status !== 200) return
    if (response.setsCookie) held = response.token
    access = response.access
    // The attacker can read the list until the access token expires.
    for (let reads = 0; reads < 4; reads++) {
      yield { wait: MINUTE }
      const { lastUsedHour } = yield { list: access }
      if (lastUsedHour !== undefined && lastUsedHour < Math.floor(now() / HOUR)) break
    }
    yield { wait: HOUR }
  }
}
