import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'

export interface RetryQueueSettings {
  /** The first pause. Each pause is twice the previous one, up to `maxPauseMs`. */
  pauseMs?: number
  maxPauseMs?: number
}

interface Task {
  work: () => Promise<unknown>
  shouldGiveUp: () => boolean
}

/** Retries work with growing pauses until it succeeds or there is no reason to continue. */
export class RetryQueue {
  readonly #pauseMs: number
  readonly #maxPauseMs: number
  readonly #closing = new AbortController()
  readonly #tasks = new Map<string, Task>()

  constructor({ pauseMs = 200, maxPauseMs = 5000 }: RetryQueueSettings = {}) {
    this.#pauseMs = pauseMs
    this.#maxPauseMs = maxPauseMs
    // Each running task listens. In an outage there are many, which is not a leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /**
   * Runs `work` after a pause, again and again. Resolves when it succeeded, or when the queue gave up or was closed.
   *
   * @param key identifies the work. A later call with the same key replaces the work that is still retried
   * @param work rejects as long as it has to be retried
   * @param shouldGiveUp is called before each attempt
   */
  async retry(key: string, work: () => Promise<unknown>, shouldGiveUp: () => boolean): Promise<void> {
    const isRunning = this.#tasks.has(key)
    this.#tasks.set(key, { work, shouldGiveUp })
    if (!isRunning) await this.#run(key)
  }

  close(): void {
    this.#closing.abort()
  }

  async #run(key: string): Promise<void> {
    let pauseMs = this.#pauseMs
    while (this.#tasks.has(key)) {
      await this.#pause(pauseMs)
      // A later call may have replaced the task during the pause.
      const task = this.#tasks.get(key) as Task
      const isDone = this.#closing.signal.aborted || task.shouldGiveUp() || (await succeeds(task.work))
      // A task that replaced this one during its work still has to run.
      if (isDone && this.#tasks.get(key) === task) this.#tasks.delete(key)
      pauseMs = Math.min(2 * pauseMs, this.#maxPauseMs)
    }
  }

  /** Does not keep the process alive. */
  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {})
  }
}

/** Drops the error: the first attempt already logged the cause. */
async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch {
    return false
  }
}
