import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'

export interface BackgroundSettings {
  /** The first pause; each is twice the one before, up to `maxPauseMs`. */
  pauseMs?: number
  maxPauseMs?: number
}

interface Task {
  work: () => Promise<unknown>
  isPointless: () => boolean
}

/** Work that has to be done some time: tried again, with growing pauses, until it is done or pointless. */
export class Background {
  readonly #pauseMs: number
  readonly #maxPauseMs: number
  readonly #closing = new AbortController()
  readonly #tasks = new Map<string, Task>()

  constructor({ pauseMs = 200, maxPauseMs = 5000 }: BackgroundSettings = {}) {
    this.#pauseMs = pauseMs
    this.#maxPauseMs = maxPauseMs
    // One for each piece of work: in an outage they are many, and no leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /**
   * @param key what the work is about: a later call with it, while this one is at it, takes over
   * @param work throws as long as it is not done
   * @param isPointless is asked before each further try
   */
  async retry(key: string, work: () => Promise<unknown>, isPointless: () => boolean): Promise<void> {
    const isAtIt = this.#tasks.has(key)
    this.#tasks.set(key, { work, isPointless })
    if (!isAtIt) await this.#untilDone(key)
  }

  close(): void {
    this.#closing.abort()
  }

  async #untilDone(key: string): Promise<void> {
    let pauseMs = this.#pauseMs
    for (let isLeft = true; isLeft; isLeft = this.#tasks.has(key)) {
      await this.#pause(pauseMs)
      // Not the one that came first: what took over during the pause.
      const task = this.#tasks.get(key) as Task
      const isDone = this.#closing.signal.aborted || task.isPointless() || (await succeeds(task.work))
      // And if another took over while this one was being done, it has its turn.
      if (isDone && this.#tasks.get(key) === task) this.#tasks.delete(key)
      pauseMs = Math.min(2 * pauseMs, this.#maxPauseMs)
    }
  }

  /** A process that wants to end does not wait for this. */
  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {})
  }
}

/** Why it does not is in the log since the store was first asked. */
async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch {
    return false
  }
}
