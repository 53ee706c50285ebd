import type { RedisClient } from '../../../../types/redis-client.js'
import { runScript } from '../run-script.js'
import { pulseScript } from '../scripts/pulse.js'
import { watchConnection } from './client-connection.js'
import { type Fence, PULSE_TTL_MS, type Pulse } from './fence.js'

/** A pulse without a reply for so long is given up. Some clients never settle a call that they dropped. */
const GIVE_UP_MS = 10_000
/**
 * A connection without any reply for so long does not work: the machine of the server may be gone, and the operating system
 * notices this only after many minutes.
 */
const DEAD_AFTER_MS = 10_000
/** Error replies of Redis start with a code. */
const REPLY = /^[A-Z]{3,} /
/** The Redis user may not write the key, or may not run a command of the script: by Redis 7, and by Redis 6. */
const FORBIDDEN = /^NOPERM|ACL failure|can't run this command/

export interface PulseSettings {
  /** The key of this process. */
  key: string
  periodMs: number
  /** A client that does not reply for so long may be on a master that hangs and is being replaced. */
  overdueMs: number
  /** The client has a new connection. */
  onReady(): void
}

/** Writes the pulses of this process with the application's client, so that the fence can compare its server. */
export class PulseSender {
  readonly #redis: RedisClient
  readonly #fence: Fence
  readonly #settings: PulseSettings
  #stopWatching = () => {}
  #timer: NodeJS.Timeout | undefined
  /** Since when the server has not replied to any pulse. */
  #silentSinceMs: number | undefined
  /** The silence that was suspected already. */
  #suspectedMs: number | undefined
  /** The pulse that has no reply yet. */
  #outstanding: Pulse | undefined

  constructor(redis: RedisClient, fence: Fence, settings: PulseSettings) {
    this.#redis = redis
    this.#fence = fence
    this.#settings = settings
  }

  start(): void {
    this.#stopWatching = watchConnection(this.#redis, {
      onClose: () => {
        this.#outstanding = undefined
        this.#silentSinceMs = undefined
        this.#fence.startEpoch()
      },
      onReady: () => {
        this.#send()
        this.#settings.onReady()
      }
    })
    this.#timer = setInterval(() => this.#tick(), this.#settings.periodMs).unref()
    this.#send()
  }

  /** Sends a pulse before the period is over, unless one has no reply yet. */
  sendNow(): void {
    if (!this.#outstanding) this.#send()
  }

  /**
   * Whether the connection of the client seems dead: it was silent for long before another connection got a reply. A process
   * that was stopped for long has replies on both.
   * @param askedAtMs when the other connection asked for the reply that it has now
   */
  isDead(askedAtMs: number): boolean {
    return this.#silentSinceMs !== undefined && askedAtMs - this.#silentSinceMs > DEAD_AFTER_MS
  }

  close(): void {
    clearInterval(this.#timer)
    this.#stopWatching()
  }

  #tick(): void {
    const { overdueMs } = this.#settings
    this.#fence.rejectOlderThan(overdueMs)
    this.#fence.openIfUnverifiable()
    const silentSinceMs = this.#silentSinceMs
    const isOverdue = silentSinceMs !== undefined && performance.now() - silentSinceMs > overdueMs
    if (isOverdue && this.#suspectedMs !== silentSinceMs) {
      this.#suspectedMs = silentSinceMs
      this.#fence.suspect()
    }
    const isGivenUp = this.#outstanding && performance.now() - this.#outstanding.sentAtMs > GIVE_UP_MS
    if (!this.#outstanding || isGivenUp) this.#send()
  }

  #send(): void {
    const { status } = this.#redis
    // A client without a connection would queue the pulse.
    if (status !== undefined && status !== 'ready') return
    const pulse = this.#fence.nextPulse()
    this.#outstanding = pulse
    this.#silentSinceMs ??= pulse.sentAtMs
    const { key } = this.#settings
    runScript(this.#redis, pulseScript, [key, pulse.counter, PULSE_TTL_MS]).then(
      () => {
        this.#silentSinceMs = undefined
        this.#fence.acknowledge(pulse)
        this.#settle(pulse)
      },
      (error: Error) => {
        this.#onError(error, pulse)
        this.#settle(pulse)
      }
    )
  }

  /** An error of the client, such as a timeout, is no reply of the server. */
  #onError({ message }: Error, pulse: Pulse): void {
    if (!REPLY.test(message)) return
    this.#silentSinceMs = undefined
    this.#fence.refuse(pulse)
    if (FORBIDDEN.test(message)) this.#fence.openUnverified(message)
  }

  #settle(pulse: Pulse): void {
    if (this.#outstanding !== pulse) return
    this.#outstanding = undefined
    if (this.#fence.needsPulse) this.#send()
  }
}
