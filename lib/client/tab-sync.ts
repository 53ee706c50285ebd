import { type Channel, type Runtime, sleep, withTimeLimit } from './runtime.js'
import type { IssuedToken } from './session-state.js'

/** A frozen tab that holds the lock must not block the other tabs longer than this. */
const LOCK_TIMEOUT_MS = 5000
/** Gives the previous lock holder's broadcast time to arrive. */
const BROADCAST_DELAY_MS = 20

/** A message from one tab to the others. */
export type TabMessage = { type: 'token' | 'login'; token: IssuedToken } | { type: 'logout' }

/** Synchronizes tabs that share a session: one tab refreshes at a time, and all tabs share the result. */
export class TabSync {
  readonly #runtime: Runtime
  readonly #name: string
  #channel: Channel | undefined

  /** @param sessionName identifies the session that the tabs share. `undefined` if the session is not shared */
  constructor(
    runtime: Runtime,
    name: string,
    sessionName: string | undefined,
    onMessage: (message: TabMessage) => void
  ) {
    const isShared = sessionName !== undefined
    this.#runtime = isShared ? runtime : { ...runtime, locks: undefined }
    this.#name = `${name} ${sessionName}`
    this.#channel = isShared ? runtime.openChannel(this.#name) : undefined
    if (this.#channel) this.#channel.onmessage = ({ data }) => onMessage(data as TabMessage)
  }

  broadcast(message: TabMessage): void {
    this.#channel?.postMessage(message)
  }

  close(): void {
    this.#channel?.close()
    // `postMessage` throws on a closed channel.
    this.#channel = undefined
  }

  /**
   * Runs the work while no other tab runs its own. Runs it without the lock if the lock is not granted in time.
   * @param signal ends the wait
   */
  async withLock<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { locks, now } = this.#runtime
    if (!locks) return work()
    const requestedAt = now()
    const limit = withTimeLimit(this.#runtime, LOCK_TIMEOUT_MS, signal)
    let isGranted = false
    try {
      return await locks.request(this.#name, { signal: limit.signal }, async () => {
        isGranted = true
        limit.cancel()
        if (now() - requestedAt > 1) await sleep(this.#runtime, BROADCAST_DELAY_MS, signal)
        return work()
      })
    } catch (error) {
      if (isGranted) throw error
      limit.cancel()
      return work()
    }
  }
}
