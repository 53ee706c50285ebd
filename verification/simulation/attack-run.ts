import type { Action, ActionResult, Attack, AttackContext } from './attackers/attacker.js'
import { type ClientBehavior, ClientDevice } from './client-device.js'
import { Random } from './random.js'
import type {
  AccessToken,
  Implementation,
  MaybePromise,
  RefreshResponse,
  RefreshToken,
  Server,
  TokenResponse
} from './server.js'
import { HOUR, MINUTE, Timeline } from './timeline.js'

/** The result of one attack. */
export interface AttackOutcome {
  /** From the attacker's first refresh until the rule detected reuse. `null`: not detected. */
  detectedMs: number | null
  /** Number of the attacker's refreshes that returned tokens. */
  refreshes: number
  /** How long the attacker had a valid access token. */
  accessMs: number
  isVictimLoggedOut: boolean
}

/** Delay of the attacker's requests and responses. */
const ONE_WAY_MS = 20
const LATEST_THEFT_MS = HOUR

/**
 * Runs one attack: a victim logs in, and an attacker copies the cookie within the next hour.
 *
 * The run ends when reuse is detected, or at `horizonMs` after the theft.
 */
export async function runAttack(
  implementation: Implementation,
  behavior: ClientBehavior,
  attack: (context: AttackContext) => Attack,
  { seed, horizonMs }: { seed: string; horizonMs: number }
): Promise<AttackOutcome> {
  const random = new Random(seed)
  const timeline = new Timeline()
  // Starts at noon, when the victim is awake.
  timeline.now += 12 * HOUR
  const server = new MonitoredServer(await implementation.open(() => timeline.now), timeline)
  const totals = { refreshes: 0, loggedOut: 0, sessions: 0 }
  const victim = new ClientDevice(
    { server, timeline, random, behavior, totals, onLoggedOut: () => {} },
    await server.login()
  )
  await timeline.run(timeline.now + random.between(0, LATEST_THEFT_MS), () => victim.isOver)
  // The published figures depend on this text, as described at `seedNameOf`.
  const hasKey = implementation.attackerHasKey ?? true
  const run = new AttackRun({ server, timeline, victim, random: new Random(seed, 'thief'), hasKey })
  run.start(attack)
  await timeline.run(timeline.now + horizonMs, () => server.detectedAt !== null)
  return run.outcome
}

/** Records when the rule first detected reuse. */
class MonitoredServer implements Server {
  detectedAt: number | null = null
  readonly #server: Server
  readonly #timeline: Timeline

  constructor(server: Server, timeline: Timeline) {
    this.#server = server
    this.#timeline = timeline
  }

  login(): MaybePromise<TokenResponse> {
    return this.#server.login()
  }

  refresh(token: RefreshToken, hasKey = true): MaybePromise<RefreshResponse> {
    const pending = this.#server.refresh(token, hasKey)
    return pending instanceof Promise
      ? pending.then((response) => this.#record(response))
      : this.#record(pending)
  }

  use(access: AccessToken, confirms: boolean): MaybePromise<'ok' | 'rejected'> {
    return this.#server.use(access, confirms)
  }

  failover(lostMs: number): MaybePromise<void> {
    return this.#server.failover(lostMs)
  }

  #record(response: RefreshResponse): RefreshResponse {
    if (response.status === 401 && response.reason === 'reuse') this.detectedAt ??= this.#timeline.now
    return response
  }
}

interface AttackSettings {
  server: MonitoredServer
  timeline: Timeline
  victim: ClientDevice
  random: Random
  hasKey: boolean
}

class AttackRun {
  readonly #server: MonitoredServer
  readonly #timeline: Timeline
  readonly #victim: ClientDevice
  readonly #random: Random
  readonly #hasKey: boolean
  #attack: Attack | null = null
  #firstAt: number | null = null
  #lastUsedAt: number
  #refreshes = 0
  #accessMs = 0
  #accessUntil = 0
  /** Called at the victim's next refresh. */
  #onVictimRefresh: (() => void) | null = null

  constructor({ server, timeline, victim, random, hasKey }: AttackSettings) {
    this.#server = server
    this.#random = random
    this.#hasKey = hasKey
    this.#timeline = timeline
    this.#victim = victim
    this.#lastUsedAt = timeline.now
    victim.observer = { onRefresh: () => this.#victimRefreshed() }
  }

  get outcome(): AttackOutcome {
    const { detectedAt } = this.#server
    const invalidMs = detectedAt === null ? 0 : Math.max(0, this.#accessUntil - detectedAt)
    return {
      detectedMs: detectedAt === null ? null : detectedAt - (this.#firstAt ?? detectedAt),
      refreshes: this.#refreshes,
      accessMs: this.#accessMs - invalidMs,
      isVictimLoggedOut: this.#victim.isOver
    }
  }

  start(attack: (context: AttackContext) => Attack): void {
    this.#attack = attack({
      stolenToken: this.#victim.cookie,
      now: () => this.#timeline.now,
      random: this.#random
    })
    this.#step({})
  }

  #victimRefreshed(): void {
    this.#lastUsedAt = this.#timeline.now
    const onVictimRefresh = this.#onVictimRefresh
    this.#onVictimRefresh = null
    onVictimRefresh?.()
  }

  #step(result: ActionResult): void {
    const next = this.#attack?.next(result)
    if (!next || next.done) return
    this.#do(next.value)
  }

  #do(action: Action): void {
    const timeline = this.#timeline
    const finish = (delayMs: number, result: ActionResult) =>
      timeline.after(delayMs, () => this.#step(result))
    if ('wait' in action) finish(action.wait, {})
    else if ('victimRefreshes' in action) this.#waitForRefresh(action.victimRefreshes)
    else if ('victimSleeps' in action) this.#waitForSleep(action.victimSleeps, timeline.now + action.atMost)
    else if ('present' in action) this.#present(action.present)
    else if ('copyCookie' in action) finish(0, { token: this.#victim.cookie })
    else if ('list' in action) finish(ONE_WAY_MS, { lastUsedHour: Math.floor(this.#lastUsedAt / HOUR) })
    else if ('setCookie' in action) {
      this.#victim.cookie = action.setCookie
      finish(0, {})
    } else {
      timeline.after(ONE_WAY_MS, async () => {
        if ('use' in action) await this.#server.use(action.use, true)
        else await this.#server.failover(action.failover)
        finish(ONE_WAY_MS, {})
      })
    }
  }

  #waitForRefresh(maxMs: number): void {
    const finish = () => this.#timeline.after(0, () => this.#step({}))
    this.#onVictimRefresh = finish
    this.#timeline.after(maxMs, () => {
      if (this.#onVictimRefresh !== finish) return
      this.#onVictimRefresh = null
      this.#step({})
    })
  }

  #waitForSleep(isAsleep: boolean, until: number): void {
    const isDue = this.#victim.isAsleep === isAsleep || this.#timeline.now >= until
    this.#timeline.after(isDue ? 0 : MINUTE, () =>
      isDue ? this.#step({}) : this.#waitForSleep(isAsleep, until)
    )
  }

  #present(token: RefreshToken): void {
    const timeline = this.#timeline
    timeline.after(ONE_WAY_MS, async () => {
      this.#firstAt ??= timeline.now
      const response = await this.#server.refresh(token, this.#hasKey)
      if (response.status === 200) {
        this.#refreshes++
        this.#lastUsedAt = response.setsCookie ? timeline.now : this.#lastUsedAt
        this.#accessMs += Math.max(0, response.access.expiresMs - Math.max(timeline.now, this.#accessUntil))
        this.#accessUntil = response.access.expiresMs
      }
      timeline.after(ONE_WAY_MS, () => this.#step({ response }))
    })
  }
}
