import type { RedisClient } from '../../../../types/redis-client.js'
import { runScript } from '../run-script.js'
import { pulseScript } from '../scripts/feed.js'
import { watchConnection } from './client-connection.js'
import { type Fence, PULSE_TTL_MS, type Pulse } from './fence.js'

/** A pulse without a reply for so long is given up. Some clients never settle a call that they dropped. */
const GIVE_UP_MS = 10_000

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
  /** The Redis user may not write the key. */
  #isForbidden = false
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

  close(): void {
    clearInterval(this.#timer)
    this.#stopWatching()
  }

  #tick(): void {
    this.#fence.openIfUnverifiable()
    const ageMs = this.#outstanding ? performance.now() - this.#outstanding.sentAtMs : 0
    if (ageMs > this.#settings.overdueMs && this.#fence.isOpen) this.#fence.suspect()
    if (!this.#outstanding || ageMs > GIVE_UP_MS) this.#send()
  }

  #send(): void {
    const { status } = this.#redis
    // A client without a connection would queue the pulse.
    if (status !== undefined && status !== 'ready') return
    const pulse = this.#fence.nextPulse()
    this.#outstanding = pulse
    const { key } = this.#settings
    runScript(this.#redis, pulseScript, [key], [pulse.counter, PULSE_TTL_MS]).then(
      () => {
        this.#isForbidden = false
        this.#fence.acknowledge(pulse)
        this.#settle(pulse)
      },
      (error: Error) => {
        this.#onError(error)
        this.#settle(pulse)
      }
    )
  }

  /** Any other error means that the connection is lost, or that the server takes no writes. */
  #onError({ message }: Error): void {
    if (!message.startsWith('NOPERM') || this.#isForbidden) return
    this.#isForbidden = true
    this.#fence.openWithoutPulses(message)
  }

  #settle(pulse: Pulse): void {
    if (this.#outstanding !== pulse) return
    this.#outstanding = undefined
    if (this.#fence.needsPulse) this.#send()
  }
}
