import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'

export interface BackgroundSettings {
  /** The first pause; each is twice the one before, up to `maxPauseMs`. */
  pauseMs?: number
  maxPauseMs?: number
}

/** Work that has to be done some time: tried again, with growing pauses, until it is done or pointless. */
export class Background {
  readonly #pauseMs: number
  readonly #maxPauseMs: number
  readonly #closing = new AbortController()
  readonly #keys = new Set<string>()

  constructor({ pauseMs = 200, maxPauseMs = 5000 }: BackgroundSettings = {}) {
    this.#pauseMs = pauseMs
    this.#maxPauseMs = maxPauseMs
    // One for each piece of work: in an outage they are many, and no leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /**
   * @param key what the work is about: a second call with it, while the first is at it, does nothing
   * @param work throws as long as it is not done
   * @param isPointless is asked before each further try
   */
  async retry(key: string, work: () => Promise<unknown>, isPointless: () => boolean): Promise<void> {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    try {
      await this.#untilDone(work, isPointless)
    } finally {
      this.#keys.delete(key)
    }
  }

  close(): void {
    this.#closing.abort()
  }

  async #untilDone(work: () => Promise<unknown>, isPointless: () => boolean): Promise<void> {
    const { signal } = this.#closing
    for (let pauseMs = this.#pauseMs; ; pauseMs = Math.min(2 * pauseMs, this.#maxPauseMs)) {
      // A process that wants to end does not wait for this.
      await setTimeout(pauseMs, undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted || isPointless()) return
      try {
        await work()
        return
      } catch {
        // The log says why since the store was first asked.
      }
    }
  }
}
