import type { MasterWatchSettings } from '../../../../types/session-store.js'
import type { Fence } from './fence.js'
import { MasterGuard, type MasterGuardOptions, PULSE_PERIOD_MS } from './master-guard.js'
import { PulseReader } from './pulse-reader.js'

export interface MasterWatch {
  /** Holds or rejects replies of the client while it may use a master that was replaced. */
  fence: Fence
  close(): void
}

/** Guards a client in a process that follows no feed: reads the pulses on a connection of its own. */
export function watchMaster(
  options: Omit<MasterGuardOptions, 'pulsePeriodMs'>,
  settings: MasterWatchSettings
): MasterWatch {
  const reader = new PulseReader(options.redis, {
    key: options.pulseKey,
    isUrgent: () => !guard.fence.isOpen,
    onPulse: (...read) => guard.read(...read)
  })
  const guard = new MasterGuard({ ...options, pulsePeriodMs: PULSE_PERIOD_MS }, settings, reader.loop)
  guard.start()
  reader.start()
  return {
    fence: guard.fence,
    close() {
      guard.close()
      reader.loop.close()
    }
  }
}
