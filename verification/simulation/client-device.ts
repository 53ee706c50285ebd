import { BrowserKills, type KillBehavior } from './browser-kills.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import type { AccessToken, RefreshResponse, RefreshToken, Server, TokenResponse } from './server.js'
import { SECOND, type Timeline } from './timeline.js'

/** How the client and its user behave. */
export interface ClientBehavior {
  network: Network
  tabs: number
  /** How long a client waits for a response. A later response still sets its cookie. */
  timeoutMs: number
  /** How long the client waits before it retries. */
  retryMs(random: Random, tries: number): number
  /** Mean time from the expiry of an access token to the next call that needs one. */
  gapMs: number
  /** Mean time between page loads of a tab, each of which discards the access token. `null`: no page loads. */
  pageLoadMs: number | null
  /** When the device sleeps. `null`: never. */
  sleep: ((random: Random, now: number) => { awakeMs: number; asleepMs: number }) | null
  /** Page loads go through a server that refreshes for the browser and uses the access token. */
  rendering: { confirms: boolean } | null
  /** The share of refreshes that are followed by a failover. */
  failovers: number
  /** `null`: the browser is never killed. */
  kills: KillBehavior | null
}

export interface Totals {
  refreshes: number
  loggedOut: number
  sessions: number
}

/** What an attacker can observe of the victim. */
export interface RefreshObserver {
  /** Called when a refresh of the victim has reached the server. */
  onRefresh(): void
}

interface Attempt {
  /** A sleep or a page load has aborted the request: its response is discarded. */
  isAborted: boolean
  /** The client no longer waits for the response, but the response can still set its cookie. */
  isTimedOut: boolean
}

interface Dependencies {
  server: Server
  timeline: Timeline
  random: Random
  behavior: ClientBehavior
  totals: Totals
  onLoggedOut: () => void
}

const MAX_FAILOVER_LOSS_MS = 5 * SECOND
const FAILOVER_OUTAGE_MS = 5 * SECOND
const MAX_WAKE_DELAY_MS = 2 * SECOND

/** The device of an honest user: one cookie jar, and tabs that do not communicate with each other. */
export class ClientDevice {
  /** The refresh token in the cookie jar. */
  cookie: RefreshToken
  isOver = false
  isAsleep = false
  observer: RefreshObserver | null = null
  readonly server: Server
  readonly timeline: Timeline
  readonly random: Random
  readonly behavior: ClientBehavior
  readonly totals: Totals
  readonly #onLoggedOut: () => void
  readonly #tabs: Tab[] = []
  readonly #kills: BrowserKills | null
  #isDownUntil = 0

  constructor(deps: Dependencies, login: Pick<TokenResponse, 'token' | 'access'>) {
    this.server = deps.server
    this.timeline = deps.timeline
    this.random = deps.random
    this.behavior = deps.behavior
    this.totals = deps.totals
    this.#onLoggedOut = deps.onLoggedOut
    this.cookie = login.token
    this.totals.sessions++
    for (let i = 0; i < this.behavior.tabs; i++) this.#tabs.push(new Tab(this, i === 0 ? login.access : null))
    this.#scheduleSleep()
    const { kills } = this.behavior
    this.#kills = kills && new BrowserKills(this, kills)
  }

  /** Stores the refresh token of a response. */
  setCookie(token: RefreshToken): void {
    this.cookie = token
    this.#kills?.onNewCookie()
  }

  /** Closes all tabs. Their pending requests still reach the server. */
  kill(): void {
    this.isAsleep = true
    for (const tab of this.#tabs) tab.kill()
  }

  restart(): void {
    this.isAsleep = false
    for (const tab of this.#tabs) tab.wake(this.random.between(0, MAX_WAKE_DELAY_MS))
  }

  /** Sends a request or a response, which may be lost. Nothing arrives after the session is over. */
  transmit(direction: 'requestMs' | 'responseMs', onArrival: () => void | Promise<void>): void {
    const { network } = this.behavior
    if (this.random.chance(network.loss)) return
    this.timeline.after(network[direction](this.random), () => (this.isOver ? undefined : onArrival()))
  }

  async refresh(token: RefreshToken, rendering: ClientBehavior['rendering']): Promise<RefreshResponse> {
    if (this.timeline.now < this.#isDownUntil) return { status: 503 }
    const pending = this.server.refresh(token)
    const response = pending instanceof Promise ? await pending : pending
    this.totals.refreshes++
    this.observer?.onRefresh()
    if (rendering && response.status === 200) await this.server.use(response.access, rendering.confirms)
    if (this.random.chance(this.behavior.failovers)) {
      this.timeline.after(this.random.between(0, 3 * SECOND), () => this.#failOver())
    }
    return response
  }

  async #failOver(): Promise<void> {
    await this.server.failover(this.random.between(0, MAX_FAILOVER_LOSS_MS))
    this.#isDownUntil = this.timeline.now + FAILOVER_OUTAGE_MS
  }

  logOut(): void {
    if (this.isOver) return
    this.isOver = true
    this.totals.loggedOut++
    this.#onLoggedOut()
  }

  #scheduleSleep(): void {
    const plan = this.behavior.sleep?.(this.random, this.timeline.now)
    if (!plan) return
    this.timeline.after(plan.awakeMs, () => {
      if (this.isOver) return
      this.isAsleep = true
      for (const tab of this.#tabs) tab.sleep()
      this.timeline.after(plan.asleepMs, () => {
        if (this.isOver) return
        this.restart()
        this.#scheduleSleep()
      })
    })
  }
}

class Tab {
  readonly #device: ClientDevice
  #access: AccessToken | null
  #attempt: Attempt | null = null
  /** Number of the latest scheduled call. A later one replaces the earlier ones. */
  #callNumber = 0
  /** Number of the current page. A new page has no access token in memory. */
  #page = 0

  constructor(device: ClientDevice, access: AccessToken | null) {
    this.#device = device
    this.#access = access
    this.#scheduleCall(access ? 0 : device.random.between(0, 10 * SECOND))
    this.#schedulePageLoad()
  }

  /** Closes the connections. A request that was already sent still reaches the server. */
  sleep(): void {
    if (this.#attempt) this.#attempt.isAborted = true
    this.#attempt = null
    this.#callNumber++
  }

  /** The restarted browser loads the page again. The new page has no access token. */
  kill(): void {
    this.sleep()
    this.#page++
    this.#access = null
  }

  wake(afterMs: number): void {
    this.#scheduleCall(afterMs)
  }

  get #now(): number {
    return this.#device.timeline.now
  }

  #after(delayMs: number, run: () => void): void {
    const { timeline } = this.#device
    timeline.after(delayMs, () => {
      if (!this.#device.isOver && !this.#device.isAsleep) run()
    })
  }

  #scheduleCall(delayMs: number): void {
    const number = ++this.#callNumber
    this.#after(delayMs, () => {
      if (number === this.#callNumber) this.#call()
    })
  }

  #schedulePageLoad(): void {
    const { behavior, random, timeline } = this.#device
    if (behavior.pageLoadMs === null) return
    timeline.after(random.exponential(behavior.pageLoadMs), () => {
      if (this.#device.isOver) return
      if (!this.#device.isAsleep) this.#loadPage()
      this.#schedulePageLoad()
    })
  }

  /** Half of the page loads abort the pending refresh of the old page. Otherwise its response still sets the cookie. */
  #loadPage(): void {
    if (this.#attempt) {
      this.#attempt.isTimedOut = true
      this.#attempt.isAborted = this.#device.random.chance(0.5)
    }
    this.#page++
    this.#attempt = null
    this.#access = null
    this.#callNumber++
    this.#refresh(1, this.#device.behavior.rendering)
  }

  /** Only the first call after a refresh is simulated, because it confirms. Later calls change nothing. */
  #call(): void {
    if (this.#attempt) return
    if (this.#access && this.#now < this.#access.expiresMs) this.#use(this.#access)
    else this.#refresh(1, null)
  }

  #use(access: AccessToken): void {
    const { behavior, server, random } = this.#device
    const page = this.#page
    const isCurrent = () => page === this.#page && access === this.#access && !this.#device.isAsleep
    this.#scheduleCall(behavior.timeoutMs + behavior.retryMs(random, 1))
    this.#device.transmit('requestMs', async () => {
      const result = await server.use(access, true)
      this.#device.transmit('responseMs', () => {
        if (!isCurrent()) return
        if (result === 'rejected') {
          this.#access = null
          this.#call()
        } else {
          this.#scheduleCall(Math.max(0, access.expiresMs - this.#now) + random.exponential(behavior.gapMs))
        }
      })
    })
  }

  #refresh(tries: number, rendering: ClientBehavior['rendering']): void {
    const device = this.#device
    const { behavior, random } = device
    const attempt = { isAborted: false, isTimedOut: false }
    this.#attempt = attempt
    const retry = (delayMs: number) => {
      attempt.isTimedOut = true
      this.#after(delayMs, () => {
        if (this.#attempt === attempt) this.#refresh(tries + 1, rendering)
      })
    }
    this.#after(behavior.timeoutMs, () => {
      if (this.#attempt !== attempt || attempt.isTimedOut) return
      retry(behavior.retryMs(random, tries))
    })
    const token = device.cookie
    device.transmit('requestMs', async () => {
      const response = await device.refresh(token, rendering)
      device.transmit('responseMs', () => {
        if (!attempt.isAborted) this.#onResponse(attempt, response, retry)
      })
    })
  }

  #onResponse(attempt: Attempt, response: RefreshResponse, retry: (delayMs: number) => void): void {
    // The browser stores the cookie even if the page no longer waits for the response.
    if (response.status === 200 && response.setsCookie) this.#device.setCookie(response.token)
    if (attempt.isTimedOut || attempt !== this.#attempt) return
    if (response.status === 503) {
      retry(SECOND)
    } else if (response.status === 401) {
      this.#device.logOut()
    } else {
      this.#attempt = null
      this.#access = response.access
      this.#use(response.access)
    }
  }
}
