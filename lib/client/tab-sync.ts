import type { Runtime } from './runtime.js'
import { decodeMessage, encodeMessage, type TabMessage } from './tab-messages.js'
import { sleep, withTimeLimit } from './time-limit.js'

/** A frozen tab that holds the lock must not block the other tabs longer than this. */
const LOCK_TIMEOUT_MS = 5000
/** Gives the previous lock holder's broadcast time to arrive. */
const BROADCAST_DELAY_MS = 20

/** Synchronizes tabs that share a session: one tab refreshes at a time, and all tabs share the result. */
export interface TabSync {
  broadcast(message: TabMessage): void
  close(): void
  /**
   * Runs the work while no other tab runs its own. Runs it without the lock if the lock is not granted in time.
   * @param signal ends the wait
   */
  withLock<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** @param name the name that the tabs of a session share. `undefined` if the session is not shared */
export function createTabSync(
  runtime: Runtime,
  name: string | undefined,
  onMessage: (message: TabMessage) => void
): TabSync {
  const { locks, now } = runtime
  let channel = name && runtime.openChannel(name)
  if (channel) {
    channel.onmessage = ({ data }) => {
      const message = decodeMessage(runtime, data)
      if (message) onMessage(message)
    }
  }

  return {
    broadcast(message) {
      if (channel) channel.postMessage(encodeMessage(runtime, message))
    },
    close() {
      if (channel) channel.close()
      // `postMessage` throws on a closed channel.
      channel = undefined
    },
    async withLock(work, signal) {
      if (!locks || !name) return work()
      const requestedAt = now()
      const limit = withTimeLimit(runtime, LOCK_TIMEOUT_MS, signal)
      let isGranted = false
      try {
        return await locks.request(name, { signal: limit.signal }, async () => {
          isGranted = true
          limit.cancel()
          if (now() - requestedAt > 1) await sleep(runtime, BROADCAST_DELAY_MS, signal)
          return work()
        })
      } catch (error) {
        if (isGranted) throw error
        limit.cancel()
        return work()
      }
    }
  }
}
