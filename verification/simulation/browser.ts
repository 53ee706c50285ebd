import type { Network } from './network.js'
import type { Random } from './random.js'
import type { Access, Answer, Server, Token } from './server.js'
import { SECOND, type Timeline } from './time.js'

export interface Habits {
  network: Network
  tabs: number
  /** After how long a client gives up waiting; the answer may still bring its cookie. */
  timeoutMs: number
  /** How long it waits before it tries again. */
  retryMs(random: Random, tries: number): number
  /** The mean time from the end of an access token to the next call that needs one. */
  gapMs: number
  /** The mean time between page loads of a tab, each of which forgets the access token. Null: none. */
  pageLoadMs: number | null
  /** When the device sleeps; null: never. */
  sleep: ((random: Random, now: number) => { awakeMs: number; asleepMs: number }) | null
  /** Page loads go through a server that refreshes on the browser's behalf, and uses the access token. */
  rendering: { confirms: boolean } | null
  /** The share of refreshes that are followed by a failover. */
  failovers: number
}

export interface Tally {
  refreshes: number
  loggedOut: number
  sessions: number
}

/** What a thief may see of his victim. */
export interface Witness {
  /** A refresh of the victim's has reached the server. */
  refreshed(): void
}

interface Attempt {
  /** What it goes through: a sleep or a page load may cut it off. */
  isCut: boolean
  /** Nobody waits for it any more, but its cookie may come. */
  isGivenUp: boolean
}

const FAILOVER_LOSES_MS = 5 * SECOND
const FAILOVER_LASTS_MS = 5 * SECOND
const STAMPEDE_MS = 2 * SECOND

/** An honest user's device: one cookie jar, and tabs that know nothing of each other. */
export class Browser {
  jar: Token
  isOver = false
  isAsleep = false
  witness: Witness | null = null
  readonly server: Server
  readonly timeline: Timeline
  readonly random: Random
  readonly habits: Habits
  readonly tally: Tally
  readonly #loggedOut: () => void
  readonly #tabs: Tab[] = []
  #isDownUntil = 0

  constructor(
    made: {
      server: Server
      timeline: Timeline
      random: Random
      habits: Habits
      tally: Tally
      loggedOut: () => void
    },
    login: { token: Token; access: Access }
  ) {
    this.server = made.server
    this.timeline = made.timeline
    this.random = made.random
    this.habits = made.habits
    this.tally = made.tally
    this.#loggedOut = made.loggedOut
    this.jar = login.token
    this.tally.sessions++
    for (let i = 0; i < this.habits.tabs; i++) this.#tabs.push(new Tab(this, i === 0 ? login.access : null))
    this.#planSleep()
  }

  /** A leg of the network: lost, or it arrives. Nothing arrives once the session is over. */
  travel(way: 'requestMs' | 'answerMs', arrive: () => void | Promise<void>): void {
    const { network } = this.habits
    if (this.random.chance(network.loss)) return
    this.timeline.after(network[way](this.random), () => (this.isOver ? undefined : arrive()))
  }

  async refresh(token: Token, rendering: Habits['rendering']): Promise<Answer> {
    if (this.timeline.now < this.#isDownUntil) return { status: 503 }
    const asked = this.server.refresh(token)
    const answer = asked instanceof Promise ? await asked : asked
    this.tally.refreshes++
    this.witness?.refreshed()
    if (rendering && answer.status === 200) await this.server.use(answer.access, rendering.confirms)
    if (this.random.chance(this.habits.failovers)) {
      this.timeline.after(this.random.between(0, 3 * SECOND), () => this.#failOver())
    }
    return answer
  }

  async #failOver(): Promise<void> {
    await this.server.failover(this.random.between(0, FAILOVER_LOSES_MS))
    this.#isDownUntil = this.timeline.now + FAILOVER_LASTS_MS
  }

  logOut(): void {
    if (this.isOver) return
    this.isOver = true
    this.tally.loggedOut++
    this.#loggedOut()
  }

  #planSleep(): void {
    const plan = this.habits.sleep?.(this.random, this.timeline.now)
    if (!plan) return
    this.timeline.after(plan.awakeMs, () => {
      if (this.isOver) return
      this.isAsleep = true
      for (const tab of this.#tabs) tab.sleep()
      this.timeline.after(plan.asleepMs, () => {
        if (this.isOver) return
        this.isAsleep = false
        for (const tab of this.#tabs) tab.wake(this.random.between(0, STAMPEDE_MS))
        this.#planSleep()
      })
    })
  }
}

class Tab {
  readonly #browser: Browser
  #access: Access | null
  #attempt: Attempt | null = null
  /** Which of its plans counts: a later one replaces it. */
  #plan = 0
  /** Another page is another memory. */
  #page = 0

  constructor(browser: Browser, access: Access | null) {
    this.#browser = browser
    this.#access = access
    this.#planCall(access ? 0 : browser.random.between(0, 10 * SECOND))
    this.#planPageLoad()
  }

  /** The connections are cut; what is on its way to the server arrives. */
  sleep(): void {
    if (this.#attempt) this.#attempt.isCut = true
    this.#attempt = null
    this.#plan++
  }

  wake(afterMs: number): void {
    this.#planCall(afterMs)
  }

  get #now(): number {
    return this.#browser.timeline.now
  }

  #after(delayMs: number, run: () => void): void {
    const { timeline } = this.#browser
    timeline.after(delayMs, () => {
      if (!this.#browser.isOver && !this.#browser.isAsleep) run()
    })
  }

  #planCall(delayMs: number): void {
    const plan = ++this.#plan
    this.#after(delayMs, () => {
      if (plan === this.#plan) this.#call()
    })
  }

  #planPageLoad(): void {
    const { habits, random, timeline } = this.#browser
    if (habits.pageLoadMs === null) return
    timeline.after(random.exponential(habits.pageLoadMs), () => {
      if (this.#browser.isOver) return
      if (!this.#browser.isAsleep) this.#loadPage()
      this.#planPageLoad()
    })
  }

  /** What the old page had asked for is cut off half of the time; else its cookie still comes. */
  #loadPage(): void {
    if (this.#attempt) {
      this.#attempt.isGivenUp = true
      this.#attempt.isCut = this.#browser.random.chance(0.5)
    }
    this.#page++
    this.#attempt = null
    this.#access = null
    this.#plan++
    this.#refresh(1, this.#browser.habits.rendering)
  }

  /** Between two refreshes calls change nothing but the first, which confirms: the others are left out. */
  #call(): void {
    if (this.#attempt) return
    if (this.#access && this.#now < this.#access.expiresMs) this.#use(this.#access)
    else this.#refresh(1, null)
  }

  #use(access: Access): void {
    const { habits, server, random } = this.#browser
    const page = this.#page
    const isMine = () => page === this.#page && access === this.#access && !this.#browser.isAsleep
    this.#planCall(habits.timeoutMs + habits.retryMs(random, 1))
    this.#browser.travel('requestMs', async () => {
      const used = await server.use(access, true)
      this.#browser.travel('answerMs', () => {
        if (!isMine()) return
        if (used === 'refused') {
          this.#access = null
          this.#call()
        } else {
          this.#planCall(Math.max(0, access.expiresMs - this.#now) + random.exponential(habits.gapMs))
        }
      })
    })
  }

  #refresh(tries: number, rendering: Habits['rendering']): void {
    const browser = this.#browser
    const { habits, random } = browser
    const attempt = { isCut: false, isGivenUp: false }
    this.#attempt = attempt
    const retry = (delayMs: number) => {
      attempt.isGivenUp = true
      this.#after(delayMs, () => {
        if (this.#attempt === attempt) this.#refresh(tries + 1, rendering)
      })
    }
    this.#after(habits.timeoutMs, () => {
      if (this.#attempt !== attempt || attempt.isGivenUp) return
      retry(habits.retryMs(random, tries))
    })
    const token = browser.jar
    browser.travel('requestMs', async () => {
      const answer = await browser.refresh(token, rendering)
      browser.travel('answerMs', () => {
        if (!attempt.isCut) this.#answered(attempt, answer, retry)
      })
    })
  }

  #answered(attempt: Attempt, answer: Answer, retry: (delayMs: number) => void): void {
    // The browser takes a cookie whether or not the page still waits for it.
    if (answer.status === 200 && answer.setsCookie) this.#browser.jar = answer.token
    if (attempt.isGivenUp || attempt !== this.#attempt) return
    if (answer.status === 503) {
      retry(SECOND)
    } else if (answer.status === 401) {
      this.#browser.logOut()
    } else {
      this.#attempt = null
      this.#access = answer.access
      this.#use(answer.access)
    }
  }
}
