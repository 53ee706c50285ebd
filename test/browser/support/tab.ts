import type { BrowserContext, Page } from 'playwright-core'
import type { SessionSnapshot } from '../../../lib/client/types.js'
import { withTimeout } from './with-timeout.js'

interface Visible {
  cookie: string
  store: string[]
  storage: number
}

/** A tab with the page of the site, which uses the real client. */
export class Tab {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** @param errors receives the uncaught errors of the page */
  static async open(profile: BrowserContext, url: string, errors: unknown[] = []): Promise<Tab> {
    const page = await profile.newPage()
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(url)
    return new Tab(page)
  }

  login = (sub: string) => this.#evaluate<number>(`login('${sub}')`)
  logout = () => this.#evaluate<void>('logout()')
  /** Resolves when the page has loaded again. */
  async logoutAndReload(): Promise<void> {
    const loaded = this.page.waitForEvent('load')
    await this.#evaluate<void>('logoutAndReload()')
    await withTimeout(loaded, 'the reload')
  }
  /** Restores the session, if there is one. */
  restore = () => this.#evaluate<boolean>('restore()')
  /** Returns the subject, or the status of the rejection. */
  call = () => this.#evaluate<string | number>('call()')
  loginWithForm = (sub: string) => this.#evaluate<number>(`loginWithForm('${sub}')`)
  token = () => this.#evaluate<string | null>('token()')
  snapshot = () => this.#evaluate<SessionSnapshot>('snapshot()')
  status = (path: string) => this.#evaluate<number>(`status('${path}')`)
  echo = () => this.#evaluate<string>('echo()')
  requestAsOptions = () => this.#evaluate<number>('requestAsOptions()')
  post = (message: unknown) => this.#evaluate<void>(`post(${JSON.stringify(message)})`)
  badPrefix = () => this.#evaluate<string>('badPrefix()')
  ends = () => this.#evaluate<string[]>('ends')
  visible = () => this.#evaluate<Visible>('visible()')

  #evaluate<T>(expression: string): Promise<T> {
    return withTimeout(this.page.evaluate<T>(`tab.${expression}`), expression)
  }
}

/** Opens tabs that share the session of one user. */
export async function openTabs(profile: BrowserContext, origin: string, count: number): Promise<Tab[]> {
  const first = await Tab.open(profile, origin)
  await first.login('ada')
  const others = await Promise.all(Array.from({ length: count - 1 }, () => Tab.open(profile, origin)))
  for (const tab of others) await tab.restore()
  return [first, ...others]
}
