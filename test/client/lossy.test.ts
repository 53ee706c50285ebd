import { mock } from 'node:test'
import t from 'tap'
import { createClient } from '../../lib/client/client.js'
import type { Runtime } from '../../lib/client/runtime.js'
import type { AuthFetch } from '../../lib/client/types.js'
import type { RefreshEvent } from '../../lib/index.js'
import { MemoryStore } from '../../lib/store/memory/memory-store.js'
import { buildApp, DOWN, overriding } from '../support/build-app.js'
import { Clock } from '../support/clock.js'
import { effort } from '../support/effort.js'
import { mockTimers } from '../support/timers.js'
import { FakeChannels, FakeLocks } from './support/browser.js'
import { type Delivery, LossyNetwork } from './support/lossy-network.js'
import { ORIGIN } from './support/tab.js'
import { VirtualTime } from './support/virtual-time.js'

// Runs ten tabs of one browser on a lossy network. No tab is logged out, and each expiry of an access token causes one
// rotation. CLIENT_RUNS and CLIENT_SEED set the number of runs and the first seed. A failed run names its seed.
const RUNS = Number(process.env.CLIENT_RUNS ?? effort(12, 200))
const SEED = Number(process.env.CLIENT_SEED ?? 1)

const TABS = 10
const SECOND = 1000
const LIFETIME_MS = 300 * SECOND
/** The client refreshes when less than this time remains. */
const MAX_MARGIN_MS = 30 * SECOND
/** The client counts the lifetime from when it sent the request, and the server from when the request arrived. */
const MAX_LATENCY_MS = 8 * SECOND
const RUN_MS = 3 * LIFETIME_MS

/** The browser features that the tabs share, in addition to cookies. */
const KINDS = [
  { locks: true, channel: true },
  { locks: false, channel: true },
  { locks: true, channel: false },
  { locks: false, channel: false }
] as const
type Kind = (typeof KINDS)[number]

interface Tab {
  auth: AuthFetch
  ends: string[]
  /** The access tokens that the tab sent. */
  sent: Set<string>
}

interface Figures {
  runs: number
  requests: number
  lost: number
  refreshes: number
  rotations: number
  loggedOut: number
  /** How many access tokens expired, counted per tab. */
  expiries: number
}

class TickingClock extends Clock {
  #ticked = 0

  /** Does nothing, because `advance` drives all timers. */
  override mockDate(): this {
    return this
  }

  override advance(ms: number): void {
    this.nowMs += ms
    this.#ticked += ms
    const wholeMs = Math.floor(this.#ticked)
    this.#ticked -= wholeMs
    mock.timers.tick(wholeMs)
  }
}

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// The default limit of tap would follow the mocked clock. This one starts before, and leaves room for a busy machine.
t.setTimeout(RUNS * 75 * SECOND)
const clock = new TickingClock()
mockTimers(t, { apis: ['Date', 'setTimeout'], now: Math.floor(clock.nowMs) })
const methods = {}
const store = new MemoryStore({ now: () => Math.floor(clock.nowMs) })
const refreshes: (RefreshEvent & { atMs: number })[] = []
const revocations: string[] = []
const { app } = await buildApp(t, {
  under: overriding(
    { store, clock, settled: async () => {}, advance: async (ms) => clock.advance(ms), skew() {} },
    methods
  ),
  server: { logger: false },
  options: {
    onRefresh: (event) => refreshes.push({ ...event, atMs: clock.nowMs }),
    onLogout: ({ sub, reason }) => revocations.push(`${sub}: ${reason}`),
    onReuse: ({ sub, reason, row }) => revocations.push(`${sub}: ${reason} (row ${row})`)
  }
})

function drawDelivery(random: () => number): Delivery {
  const latencyMs = () =>
    Math.round(random() < 0.05 ? SECOND + random() * (MAX_LATENCY_MS - SECOND) : 10 + random() * 200)
  const draw = random()
  const loses = draw < 0.05 ? 'request' : draw < 0.1 ? 'response' : draw < 0.12 ? 'cut' : 'nothing'
  return { requestMs: latencyMs(), responseMs: latencyMs(), loses, isSilent: random() < 0.3 }
}

/** One browser, from its login to the end of the run. */
class Run {
  readonly #random: () => number
  readonly #kind: Kind
  readonly #time: VirtualTime
  readonly #network: LossyNetwork
  readonly #locks = new FakeLocks()
  readonly #channels: FakeChannels
  readonly #sub: string
  readonly #tabs: Tab[] = []
  #isLossy = false

  constructor(seed: number, kind: Kind) {
    this.#random = createRandom(seed)
    this.#kind = kind
    this.#sub = `user-${seed}`
    this.#time = new VirtualTime({
      onAdvance: (ms) => clock.advance(ms),
      isBusy: () => this.#network.inFlight > 0
    })
    this.#network = new LossyNetwork(app, this.#time, () =>
      this.#isLossy
        ? drawDelivery(this.#random)
        : { requestMs: 20, responseMs: 20, loses: 'nothing', isSilent: false }
    )
    this.#channels = new FakeChannels((work) => this.#time.after(1 + Math.round(this.#random() * 8), work))
  }

  async finish(): Promise<Figures & { problems: string[] }> {
    refreshes.length = 0
    revocations.length = 0
    const loginAt = clock.nowMs
    await this.#logIn()
    const first = this.#tabs.map(({ sent }) => sent.size)
    refreshes.length = 0
    this.#isLossy = true
    this.#planOutages()
    for (const tab of this.#tabs) this.#use(tab)
    this.#planBursts()
    await this.#time.pass(RUN_MS)
    this.#isLossy = false
    // Requests in progress and retries after outages finish.
    await this.#time.pass(120 * SECOND)
    const loggedOut = await this.#countLoggedOut()
    const rotatedAt = refreshes.filter(({ outcome }) => outcome === 'rotated').map(({ atMs }) => atMs)
    const figures = {
      runs: 1,
      requests: this.#network.requests,
      lost: this.#network.lost,
      refreshes: refreshes.length,
      rotations: rotatedAt.length,
      loggedOut,
      expiries: this.#tabs.reduce((sum, { sent }, i) => sum + sent.size - first[i]!, 0)
    }
    const problems = [...revocations, ...this.#tabs.flatMap(({ ends }) => ends)]
    if (loggedOut > 0) problems.push(`${loggedOut} tabs are logged out`)
    if (rotatedAt.length < 2)
      problems.push(`only ${rotatedAt.length} rotations, so the run is not meaningful`)
    if (this.#kind.channel) problems.push(...findEarlyRotations([loginAt, ...rotatedAt]))
    else if (rotatedAt.length > figures.expiries) problems.push('more rotations than expiries')
    for (const { auth } of this.#tabs) auth.close()
    return { ...figures, problems }
  }

  async #logIn(): Promise<void> {
    for (let i = 0; i < TABS; i++) this.#open()
    await this.#time.until(this.#tabs[0]!.auth.login({ sub: this.#sub }))
    for (const { auth } of this.#tabs) await this.#time.until(auth.fetch('/me'))
  }

  #open(): void {
    const ends: string[] = []
    const sent = new Set<string>()
    const runtime: Runtime = {
      fetch: (input, init) => {
        const token = new Headers(init?.headers).get('authorization')
        if (token !== null) sent.add(token)
        return this.#network.fetch(input, init)
      },
      locks: this.#kind.locks ? this.#locks : undefined,
      openChannel: this.#kind.channel ? this.#channels.open : () => undefined,
      now: this.#time.now,
      wallNow: this.#time.now,
      after: this.#time.after,
      random: this.#random
    }
    const [auth] = createClient(runtime, {
      baseUrl: ORIGIN,
      onSessionEnd: (reason) => ends.push(reason)
    })
    this.#tabs.push({ auth, ends, sent })
  }

  /** Calls a route repeatedly, after random pauses. */
  #use({ auth }: Tab): void {
    const pauseMs = Math.round(this.#random() * 120 * SECOND)
    this.#time.after(pauseMs, () => {
      if (!this.#isLossy) return
      this.#call(auth)
      this.#use({ auth } as Tab)
    })
  }

  /** Plans times at which all tabs call at once, as after sleep or a network failure. */
  #planBursts(): void {
    for (let i = 0; i < 4; i++) {
      this.#time.after(Math.round(this.#random() * RUN_MS), () => {
        for (const { auth } of this.#tabs) this.#call(auth)
      })
    }
  }

  /** Ignores errors, because the network may fail. The application calls again later. */
  #call(auth: AuthFetch): void {
    auth.fetch('/me').catch(() => {})
  }

  #planOutages(): void {
    for (let i = 0; i < 2; i++) {
      const startMs = Math.round(this.#random() * RUN_MS)
      this.#time.after(startMs, () => Object.assign(methods, DOWN))
      this.#time.after(startMs + Math.round(this.#random() * 60 * SECOND), endOutage)
    }
  }

  async #countLoggedOut(): Promise<number> {
    endOutage()
    const responses = await this.#time.until(Promise.all(this.#tabs.map(({ auth }) => auth.fetch('/me'))))
    return responses.filter(({ status }) => status !== 200).length
  }
}

function endOutage(): void {
  for (const name of Object.keys(DOWN)) Reflect.deleteProperty(methods, name)
}

/** Returns the rotations that happened before the previous access token had to be refreshed. */
function findEarlyRotations(rotatedAt: number[]): string[] {
  return rotatedAt.flatMap((atMs, i) => {
    const sinceMs = atMs - (rotatedAt[i - 1] ?? Number.NEGATIVE_INFINITY)
    return sinceMs < LIFETIME_MS - MAX_MARGIN_MS - MAX_LATENCY_MS
      ? [`a rotation ${sinceMs / SECOND} s after another`]
      : []
  })
}

for (const [index, kind] of KINDS.entries()) {
  const name = `${kind.locks ? 'with' : 'without'} locks, ${kind.channel ? 'with' : 'without'} a channel`
  t.test(`ten tabs on a lossy network, ${name}, stay logged in`, async (t) => {
    const sum: Figures = {
      runs: 0,
      requests: 0,
      lost: 0,
      refreshes: 0,
      rotations: 0,
      loggedOut: 0,
      expiries: 0
    }
    const failed: string[] = []
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      if (seed % KINDS.length !== index) continue
      const { problems, ...figures } = await new Run(seed, kind).finish()
      for (const key of Object.keys(sum) as (keyof Figures)[]) sum[key] += figures[key]
      if (problems.length > 0) failed.push(`CLIENT_RUNS=1 CLIENT_SEED=${seed}: ${problems.join(', ')}`)
    }
    t.comment(`seeds ${SEED} to ${SEED + RUNS - 1}, ${name}: ${JSON.stringify(sum)}`)
    t.same(failed, [])
  })
}
