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
  readonly #redis: RedisClient
  readonly #pulseSender: PulseSender
  #endWatch = () => {}

  constructor(options: MasterGuardOptions, settings: MasterWatchSettings, reader: Reader) {
    const { redis, pulseKey, pulsePeriodMs, reconnectOnFailover } = options
    const { storeTimeoutMs, onEvent, onMasterChanged } = settings
    this.#redis = redis
    this.fence = new Fence({
      onSplit: () => onEvent({ state: 'split' }),
      onConfirmedSplit() {
        if (reconnectOnFailover && reconnectClient(redis)) onEvent({ state: 'client-moved' })
      },
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

  /** Compares from now on. Opens a connection to each Sentinel. */
  start(): void {
    this.#pulseSender.start()
    this.#endWatch = watchSentinels(this.#redis, () => this.fence.suspect())
  }

  close(): void {
    this.#endWatch()
    this.#pulseSender.close()
    this.fence.close()
  }
}
