import type { Loot, Move, Play, Seen } from './attackers/attacker.js'
import { Browser, type Habits } from './browser.js'
import { Random } from './random.js'
import type { Access, Answer, Contestant, Granted, Maybe, Server, Token } from './server.js'
import { HOUR, MINUTE, Timeline } from './time.js'

/** What came of one theft. */
export interface Outcome {
  /** From the thief's first refresh until the rule spoke of theft; null: never. */
  foundOutMs: number | null
  /** From the theft itself. */
  sinceTheftMs: number | null
  /** How many of the victim's refreshes it took. */
  victimRefreshes: number
  /** The thief's refreshes that were answered with tokens. */
  refreshes: number
  /** For how long he held an access token that was good. */
  accessMs: number
}

/** How long a thief's leg takes. */
const LEG_MS = 20
const LATEST_THEFT_MS = HOUR

/** A victim logs in, a thief copies the jar within the next hour, and the world goes on until he is found out. */
export async function rob(
  contestant: Contestant,
  habits: Habits,
  play: (loot: Loot) => Play,
  { seed, horizonMs }: { seed: string; horizonMs: number }
): Promise<Outcome> {
  const random = new Random(seed)
  const timeline = new Timeline()
  // Noon: the victim is awake.
  timeline.now += 12 * HOUR
  const server = new Watched(await contestant.open(() => timeline.now), timeline)
  const tally = { refreshes: 0, loggedOut: 0, sessions: 0 }
  const victim = new Browser(
    { server, timeline, random, habits, tally, loggedOut: () => {} },
    await server.login()
  )
  await timeline.run(timeline.now + random.between(0, LATEST_THEFT_MS), () => victim.isOver)
  const robbery = new Robbery(server, timeline, victim, new Random(seed, 'thief'))
  robbery.start(play)
  await timeline.run(timeline.now + horizonMs, () => server.foundOutAt !== null)
  return robbery.outcome
}

/** Knows when the rule first spoke of theft. */
class Watched implements Server {
  foundOutAt: number | null = null
  readonly #server: Server
  readonly #timeline: Timeline

  constructor(server: Server, timeline: Timeline) {
    this.#server = server
    this.#timeline = timeline
  }

  login(): Maybe<Granted> {
    return this.#server.login()
  }

  refresh(token: Token): Maybe<Answer> {
    const asked = this.#server.refresh(token)
    return asked instanceof Promise ? asked.then((answer) => this.#watch(answer)) : this.#watch(asked)
  }

  use(access: Access, confirms: boolean): Maybe<'ok' | 'refused'> {
    return this.#server.use(access, confirms)
  }

  failover(lostMs: number): Maybe<void> {
    return this.#server.failover(lostMs)
  }

  #watch(answer: Answer): Answer {
    if (answer.status === 401 && answer.why === 'reuse') this.foundOutAt ??= this.#timeline.now
    return answer
  }
}

class Robbery {
  readonly #server: Watched
  readonly #timeline: Timeline
  readonly #victim: Browser
  readonly #theftAt: number
  readonly #random: Random
  #play: Play | null = null
  #firstAt: number | null = null
  #victimRefreshes = 0
  #lastVictimAt: number
  #refreshes = 0
  #accessMs = 0
  #coveredUntil = 0
  /** What is to be done at the victim's next refresh. */
  #awaited: (() => void) | null = null

  constructor(server: Watched, timeline: Timeline, victim: Browser, random: Random) {
    this.#server = server
    this.#random = random
    this.#timeline = timeline
    this.#victim = victim
    this.#theftAt = timeline.now
    this.#lastVictimAt = timeline.now
    victim.witness = { refreshed: () => this.#victimRefreshed() }
  }

  get outcome(): Outcome {
    const { foundOutAt } = this.#server
    const overlap = foundOutAt === null ? 0 : Math.max(0, this.#coveredUntil - foundOutAt)
    return {
      foundOutMs: foundOutAt === null ? null : foundOutAt - (this.#firstAt ?? foundOutAt),
      sinceTheftMs: foundOutAt === null ? null : foundOutAt - this.#theftAt,
      victimRefreshes: this.#victimRefreshes,
      refreshes: this.#refreshes,
      accessMs: this.#accessMs - overlap
    }
  }

  start(play: (loot: Loot) => Play): void {
    this.#play = play({
      token: this.#victim.jar,
      now: () => this.#timeline.now,
      random: this.#random
    })
    this.#step({})
  }

  #victimRefreshed(): void {
    if (this.#firstAt !== null) this.#victimRefreshes++
    this.#lastVictimAt = this.#timeline.now
    const awaited = this.#awaited
    this.#awaited = null
    awaited?.()
  }

  #step(seen: Seen): void {
    const next = this.#play?.next(seen)
    if (!next || next.done) return
    this.#do(next.value)
  }

  #do(move: Move): void {
    const timeline = this.#timeline
    const go = (delayMs: number, seen: Seen) => timeline.after(delayMs, () => this.#step(seen))
    if ('wait' in move) go(move.wait, {})
    else if ('victimRefreshes' in move) this.#await(move.victimRefreshes)
    else if ('victimSleeps' in move) this.#awaitSleep(move.victimSleeps, timeline.now + move.atMost)
    else if ('present' in move) this.#present(move.present)
    else if ('copyJar' in move) go(0, { token: this.#victim.jar })
    else if ('list' in move) go(LEG_MS, { lastUsedHour: Math.floor(this.#lastVictimAt / HOUR) })
    else if ('toss' in move) {
      this.#victim.jar = move.toss
      go(0, {})
    } else {
      timeline.after(LEG_MS, async () => {
        if ('use' in move) await this.#server.use(move.use, true)
        else await this.#server.failover(move.failover)
        go(LEG_MS, {})
      })
    }
  }

  #await(maxMs: number): void {
    const go = () => this.#timeline.after(0, () => this.#step({}))
    this.#awaited = go
    this.#timeline.after(maxMs, () => {
      if (this.#awaited !== go) return
      this.#awaited = null
      this.#step({})
    })
  }

  #awaitSleep(isAsleep: boolean, until: number): void {
    const isDue = this.#victim.isAsleep === isAsleep || this.#timeline.now >= until
    this.#timeline.after(isDue ? 0 : MINUTE, () =>
      isDue ? this.#step({}) : this.#awaitSleep(isAsleep, until)
    )
  }

  #present(token: Token): void {
    const timeline = this.#timeline
    timeline.after(LEG_MS, async () => {
      this.#firstAt ??= timeline.now
      const answer = await this.#server.refresh(token)
      if (answer.status === 200) {
        this.#refreshes++
        this.#lastVictimAt = answer.setsCookie ? timeline.now : this.#lastVictimAt
        this.#accessMs += Math.max(0, answer.access.expiresMs - Math.max(timeline.now, this.#coveredUntil))
        this.#coveredUntil = answer.access.expiresMs
      }
      timeline.after(LEG_MS, () => this.#step({ answer }))
    })
  }
}
