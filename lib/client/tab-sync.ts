import { type Channel, type Environment, limit, sleep } from './runtime.js'
import type { IssuedToken } from './session-state.js'

/** A tab that was frozen while it had its turn must not stop the others. */
const TURN_TIMEOUT_MS = 5000
/** Whoever had the turn before has told what it got: let that arrive. */
const HEARING_MS = 20

/** What one tab tells the others. */
export type News = { type: 'token' | 'login'; token: IssuedToken } | { type: 'logout' }

/** The other tabs with the same session: they take turns at refreshing, and share what they get. */
export class Tabs {
  readonly #environment: Environment
  readonly #name: string
  #channel: Channel | undefined

  /** @param sessionName of what the tabs have in common; without one there are no others to mind */
  constructor(
    environment: Environment,
    name: string,
    sessionName: string | undefined,
    hear: (news: News) => void
  ) {
    const isShared = sessionName !== undefined
    this.#environment = isShared ? environment : { ...environment, locks: undefined }
    this.#name = `${name} ${sessionName}`
    this.#channel = isShared ? environment.openChannel(this.#name) : undefined
    if (this.#channel) this.#channel.onmessage = ({ data }) => hear(data as News)
  }

  tell(news: News): void {
    this.#channel?.postMessage(news)
  }

  close(): void {
    this.#channel?.close()
    // A closed one refuses what it is told.
    this.#channel = undefined
  }

  /**
   * Does it while no other tab does; after a while in any case.
   * @param ended there is nothing to wait for any more
   */
  async takeTurn<T>(work: () => Promise<T>, ended: AbortSignal): Promise<T> {
    const { locks, now } = this.#environment
    if (!locks) return work()
    const asked = now()
    const { signal, cancel } = limit(this.#environment, TURN_TIMEOUT_MS, ended)
    let isOurs = false
    try {
      return await locks.request(this.#name, { signal }, async () => {
        isOurs = true
        cancel()
        if (now() - asked > 1) await sleep(this.#environment, HEARING_MS, ended)
        return work()
      })
    } catch (error) {
      if (isOurs) throw error
      cancel()
      return work()
    }
  }
}
