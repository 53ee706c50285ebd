import { setTimeout } from 'node:timers/promises'
import type { DedicatedConnection } from './dedicated-connection.js'

const MIN_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

export interface ConnectionLoopSettings {
  connect(): DedicatedConnection
  /** Called after a failure. A requested new connection is no failure. */
  onFailure(error: Error): void
}

/**
 * Runs work on a dedicated connection, and starts it again with a new connection after each failure. The pause between two
 * attempts grows until the work reports a success.
 */
export class ConnectionLoop {
  readonly #settings: ConnectionLoopSettings
  readonly #closing = new AbortController()
  #connection: DedicatedConnection | undefined
  #isReconnecting = false
  #pauseMs = MIN_PAUSE_MS
  #pausing = new AbortController()

  constructor(settings: ConnectionLoopSettings) {
    this.#settings = settings
  }

  /**
   * Runs until the loop is closed. Never rejects.
   * @param work runs until its connection fails. `openedAtMs` is by the monotonic clock
   */
  async run(work: (connection: DedicatedConnection, openedAtMs: number) => Promise<never>): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#connectAndRun(work).catch((error) => this.#onFailure(error))
      this.#connection?.disconnect()
      // The random factor keeps many processes from reconnecting at the same time.
      await this.#wait(this.#pauseMs * (0.5 + Math.random()))
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
    }
  }

  /** Records that the connection works, so that the next pause is a short one. */
  markSuccess(): void {
    this.#pauseMs = MIN_PAUSE_MS
  }

  /** Opens a new connection, which asks Sentinel for the current master. */
  reconnect(): void {
    this.#isReconnecting = true
    this.#connection?.disconnect()
    this.#pausing.abort()
  }

  /** Ends the current pause, and makes the next one a short one. */
  retryNow(): void {
    this.#pauseMs = MIN_PAUSE_MS
    this.#pausing.abort()
  }

  /**
   * Pauses the work, at most until `retryNow` is called.
   * @throws if the work must end, because a new connection was requested or the loop was closed
   */
  async pause(ms: number): Promise<void> {
    if (!this.#mustEnd) await this.#wait(ms)
    if (this.#mustEnd) throw new Error('the connection was closed')
  }

  close(): void {
    this.#closing.abort()
    this.#pausing.abort()
    this.#connection?.disconnect()
  }

  get #mustEnd(): boolean {
    return this.#isReconnecting || this.#closing.signal.aborted
  }

  async #connectAndRun(work: Parameters<ConnectionLoop['run']>[0]): Promise<never> {
    this.#isReconnecting = false
    const openedAtMs = performance.now()
    this.#connection = this.#settings.connect()
    return work(this.#connection, openedAtMs)
  }

  #onFailure(error: Error): void {
    if (!this.#mustEnd) this.#settings.onFailure(error)
  }

  async #wait(ms: number): Promise<void> {
    this.#pausing = new AbortController()
    if (this.#closing.signal.aborted) return
    // Does not keep the process alive.
    await setTimeout(ms, undefined, { signal: this.#pausing.signal, ref: false }).catch(() => {})
  }
}
