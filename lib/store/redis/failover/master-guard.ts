import type { RedisClient } from '../../../../types/redis-client.js'
import type { MasterWatchSettings } from '../../../../types/session-store.js'
import { reconnectClient } from './client-connection.js'
import { Fence } from './fence.js'
import { PulseSender } from './pulse-sender.js'
import { watchSentinels } from './sentinel-watch.js'

export const PULSE_PERIOD_MS = 1000

export interface MasterGuardOptions {
  redis: RedisClient
  /** The key of the pulse of this process. */
  pulseKey: string
  /** How often the client writes a pulse. */
  pulsePeriodMs: number
  /** Whether a client that stays on a replaced master is made to connect again. */
  reconnectOnFailover: boolean
  /** Called when another connection than that of the client may lead to a replaced master, and must be opened again. */
  onMustReconnect(): void
}

/** Reads the pulses on its own connection. */
interface Reader {
  /** Opens a new connection, which asks Sentinel for the current master. */
  reconnect(): void
  /** Ends the pause before the next attempt. */
  retryNow(): void
}

/**
 * Guards against a client that stays on a master that was replaced: compares it with the reader, rejects what it replies
 * meanwhile, and makes it connect again.
 */
export class MasterGuard {
  readonly fence: Fence
  readonly #options: MasterGuardOptions
  readonly #onEvent: MasterWatchSettings['onEvent']
  readonly #pulseSender: PulseSender
  #endWatch = () => {}

  constructor(options: MasterGuardOptions, settings: MasterWatchSettings, reader: Reader) {
    const { redis, pulseKey, pulsePeriodMs } = options
    const { storeTimeoutMs, onEvent, onMasterChanged } = settings
    this.#options = options
    this.#onEvent = onEvent
    this.fence = new Fence({
      onSplit: () => onEvent({ state: 'split' }),
      onConfirmedSplit: () => this.#moveClient(),
      onVerified(wasSplit, durationMs) {
        if (wasSplit) onEvent({ state: 'joined', durationMs })
        onMasterChanged()
      },
      onUnverifiable: (reason) => onEvent({ state: 'unverifiable', reason }),
      onMustReconnect: () => {
        options.onMustReconnect()
        reader.reconnect()
        this.#pulseSender.sendNow()
      }
    })
    this.#pulseSender = new PulseSender(redis, this.fence, {
      key: pulseKey,
      periodMs: pulsePeriodMs,
      overdueMs: storeTimeoutMs,
      onReady: () => reader.retryNow()
    })
  }

  /** Records what the reader has read. The arguments are those of `Fence.read`. */
  read(counter: number, sentAtMs: number, openedAtMs: number): void {
    this.fence.read(counter, sentAtMs, openedAtMs)
    // The current master works: it has replied to the reader.
    if (this.#pulseSender.isDead(sentAtMs)) this.#moveClient()
  }

  /** Compares from now on. Opens a connection to each Sentinel. */
  start(): void {
    this.#pulseSender.start()
    this.#endWatch = watchSentinels(this.#options.redis, () => this.fence.suspect())
  }

  close(): void {
    this.#endWatch()
    this.#pulseSender.close()
    this.fence.close()
  }

  #moveClient(): void {
    const { redis, reconnectOnFailover } = this.#options
    if (reconnectOnFailover && reconnectClient(redis)) this.#onEvent({ state: 'client-moved' })
  }
}
