import type { BrowserContext, Page } from 'playwright-core'
import { inTime } from './in-time.js'

interface Visible {
  cookie: string
  store: string[]
  storage: number
}

/** A tab with the page of the site, which holds the real client. */
export class Tab {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  static async open(profile: BrowserContext, origin: string): Promise<Tab> {
    const page = await profile.newPage()
    await page.goto(origin)
    return new Tab(page)
  }

  login = (sub: string) => this.#ask<number>(`login('${sub}')`)
  logout = () => this.#ask<void>('logout()')
  /** Resolves when the page is there again. */
  async logoutAndReload(): Promise<void> {
    const loaded = this.page.waitForEvent('load')
    await this.#ask<void>('logoutAndReload()')
    await inTime(loaded, 'the page once more')
  }
  /** Brings the session back, if there is one. */
  restore = () => this.#ask<boolean>('restore()')
  /** Who the server says that one is, or the status of its refusal. */
  call = () => this.#ask<string | number>('call()')
  ends = () => this.#ask<string[]>('ends')
  visible = () => this.#ask<Visible>('visible()')

  #ask<T>(what: string): Promise<T> {
    return inTime(this.page.evaluate<T>(`tab.${what}`), what)
  }
}

/** Tabs that all have the session of that user. */
export async function openTabs(profile: BrowserContext, origin: string, count: number): Promise<Tab[]> {
  const first = await Tab.open(profile, origin)
  await first.login('ada')
  const others = await Promise.all(Array.from({ length: count - 1 }, () => Tab.open(profile, origin)))
  for (const tab of others) await tab.restore()
  return [first, ...others]
}
