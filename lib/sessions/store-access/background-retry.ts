import type { Background } from '../../utils/retry-queue.js'
import type { Ask, StoreCalls } from './store-client.js'

/** Ten time-outs of a minute, so many times over, are seven days: a timer takes no more than 24. */
const MAX_PATIENCE = 1024

/**
 * Work that a client waits for and that has to be done all the same: asked within the time that a client
 * waits; what failed is tried again in the background.
 *
 * @param key what the work is about: a later call with it takes over from one that is still being tried
 * @param giveUpMs how long it is not pointless
 * @throws `FRT_ERR_STORE_UNAVAILABLE`: it goes on trying
 */
export async function untilDone<T>(
  { calls, background }: { calls: StoreCalls; background: Background },
  key: string,
  giveUpMs: number,
  work: (ask: Ask) => Promise<T>
): Promise<T> {
  try {
    return await work((question, call) => calls.ask(question, call))
  } catch (error) {
    const giveUpAt = performance.now() + giveUpMs
    let patience = 0.5
    const again = () => {
      // What is still queued is sent again all the more rarely.
      patience = Math.min(2 * patience, MAX_PATIENCE)
      return work((question, call) => calls.askPatiently(question, call, patience))
    }
    void background.retry(key, again, () => performance.now() > giveUpAt)
    throw error
  }
}
