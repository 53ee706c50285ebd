import type { RedisClient } from '../../../../types/redis-client.js'
import { withTimeout } from '../../../utils/timeout.js'
import { ConnectionLoop } from '../connection-loop.js'
import { type DedicatedConnection, duplicateForBlocking } from '../dedicated-connection.js'
import { runScript } from '../run-script.js'
import { readPulseScript } from '../scripts/pulse.js'

const POLL_MS = 500
/** Requests wait for the next read. */
const URGENT_POLL_MS = 50
/** A master that does not reply for so long may be replaced, so the next connection asks Sentinel again. */
const REPLY_TIMEOUT_MS = 3000

export interface PulseReaderSettings {
  /** The key of this process. */
  key: string
  /** Returns whether replies are held until a pulse was read. */
  isUrgent(): boolean
  /**
   * Called with the pulse of this process on the reader's server.
   * @param sentAtMs when it was read, by the monotonic clock
   * @param openedAtMs when the connection was opened
   */
  onPulse(counter: number, sentAtMs: number, openedAtMs: number): void
}

/** Reads the pulses of this process on a dedicated connection, without a feed. Opens a new one after any failure. */
export class PulseReader {
  readonly #settings: PulseReaderSettings
  readonly loop: ConnectionLoop

  constructor(redis: RedisClient, settings: PulseReaderSettings) {
    this.#settings = settings
    this.loop = new ConnectionLoop({
      connect: () => duplicateForBlocking(redis, REPLY_TIMEOUT_MS),
      // Without a reader nothing is compared. The fence reports this if it matters.
      onFailure() {}
    })
  }

  /** Reads until the loop is closed. */
  start(): void {
    void this.loop.run((connection, openedAtMs) => this.#poll(connection, openedAtMs))
  }

  async #poll(connection: DedicatedConnection, openedAtMs: number): Promise<never> {
    const { key, isUrgent, onPulse } = this.#settings
    for (;;) {
      const sentAtMs = performance.now()
      const counter = await withTimeout(
        runScript(connection, readPulseScript, [key]),
        REPLY_TIMEOUT_MS,
        () => new Error(`no reply within ${REPLY_TIMEOUT_MS} ms`),
        false
      )
      this.loop.markSuccess()
      onPulse(Number(counter), sentAtMs, openedAtMs)
      await this.loop.pause(isUrgent() ? URGENT_POLL_MS : POLL_MS)
    }
  }
}
