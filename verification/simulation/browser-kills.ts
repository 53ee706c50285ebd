import type { Random } from './random.js'
import type { RefreshToken } from './server.js'
import { SECOND, type Timeline } from './timeline.js'

/** A browser writes its cookies to the disk with this delay, as Chromium does. */
const SAVE_MS = 30 * SECOND

export interface KillBehavior {
  /** The share of new cookies after which the browser is killed, within the delay of the write. */
  share: number
  /** How long the browser is closed then. */
  closedMs(random: Random): number
}

/** The browser that is killed. */
interface Browser {
  /** The refresh token in the cookie jar. */
  cookie: RefreshToken
  readonly isOver: boolean
  readonly isAsleep: boolean
  readonly random: Random
  readonly timeline: Timeline
  kill(): void
  restart(): void
}

/** Kills a browser, for example because the machine loses power. It restarts with the cookie jar on its disk. */
export class BrowserKills {
  readonly #browser: Browser
  readonly #behavior: KillBehavior
  #savedCookie: RefreshToken
  #isPending = false

  constructor(browser: Browser, behavior: KillBehavior) {
    this.#browser = browser
    this.#behavior = behavior
    this.#savedCookie = browser.cookie
    this.#scheduleSave()
  }

  /** Called when a response has set the cookie. */
  onNewCookie(): void {
    const { random, timeline } = this.#browser
    if (this.#isPending || !random.chance(this.#behavior.share)) return
    this.#isPending = true
    timeline.after(random.between(0, SAVE_MS), () => this.#kill())
  }

  #scheduleSave(): void {
    const browser = this.#browser
    browser.timeline.after(SAVE_MS, () => {
      if (browser.isOver) return
      this.#savedCookie = browser.cookie
      this.#scheduleSave()
    })
  }

  #kill(): void {
    const browser = this.#browser
    if (browser.isOver || browser.isAsleep) {
      this.#isPending = false
      return
    }
    browser.cookie = this.#savedCookie
    browser.kill()
    browser.timeline.after(this.#behavior.closedMs(browser.random), () => {
      this.#isPending = false
      if (!browser.isOver) browser.restart()
    })
  }
}
