import { LRUCache } from 'lru-cache'
import type { Background } from '../../utils/retry-queue.js'
import type { StoreCalls } from './store-client.js'

const MAX_SESSIONS = 50_000

/**
 * Tells the store that a client has proved to hold its tokens, off the critical path of the request that
 * proved it: once for each generation and process, and again until it is acknowledged.
 */
export class Confirmations {
  readonly #calls: StoreCalls
  readonly #background: Background
  /** The generation last confirmed, by sid. One that is forgotten is confirmed once more, which does no harm. */
  readonly #confirmed = new LRUCache<string, number>({ max: MAX_SESSIONS })

  /** No token of the generation that was used may live for longer: a later one confirms anew. */
  readonly #giveUpMs: number

  constructor(calls: StoreCalls, background: Background, accessTokenTtlMs: number) {
    this.#calls = calls
    this.#background = background
    this.#giveUpMs = accessTokenTtlMs
  }

  confirm(sid: string, gen: number): void {
    // A login's generation counts as confirmed.
    if (gen === 1 || gen <= (this.#confirmed.get(sid) ?? 1)) return
    this.#confirmed.set(sid, gen)
    const send = () => this.#calls.askPatiently('confirm', (store) => store.confirm(sid, gen))
    send().catch(() => {
      const giveUpAt = performance.now() + this.#giveUpMs
      return this.#background.retry(`${sid} ${gen}`, send, () => this.#isPointless(sid, gen, giveUpAt))
    })
  }

  #isPointless(sid: string, gen: number, giveUpAt: number): boolean {
    if (this.#confirmed.peek(sid) !== gen) return true
    return performance.now() > giveUpAt && this.#confirmed.delete(sid)
  }
}
