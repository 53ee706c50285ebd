/** How long a pulse stays in Redis, in milliseconds. */
export const PULSE_TTL_MS = 30_000
/** A missing pulse proves nothing if it may have expired. */
const MAX_PULSE_AGE_MS = PULSE_TTL_MS / 3
/** Longer than Sentinel needs to demote an old master that is back. */
const MAX_UNVERIFIED_MS = 30_000

/** A counter that the application's client writes, and that the reader of the feed reads on its own connection. */
export interface Pulse {
  counter: number
  sentAtMs: number
  /** The number of the client's connection. */
  epoch: number
}

export interface FenceSettings {
  /** The client is on another server than the reader. Calls fail until both are on one server again. */
  onSplit(): void
  /** The reader asked for the master again, and the client still uses another server: it must move. */
  onConfirmedSplit(): void
  /** The client uses the same server as the reader again. It may be another one than before. */
  onVerified(wasSplit: boolean, durationMs: number): void
  /** The servers cannot be compared. Calls are accepted. */
  onUnverifiable(reason: string): void
  /** The reader must open a new connection, which finds the current master. */
  onSuspicion(): void
}

interface Held {
  accept(): void
  reject(error: Error): void
}

/**
 * Rejects the replies of a master that the rest of the deployment has left.
 *
 * The application's client and the reader of the feed have a connection each. The client writes pulses, and the reader
 * reads them. One Redis server is linearizable: if the client's server has acknowledged a pulse, a later read on the same
 * server returns it. A read that does not is on another server, whatever the load and the clocks are.
 *
 * - `open`: replies are accepted.
 * - `unverified`: the client may be on another server. Replies are held until a new pulse was read.
 * - `split`: the client is on another server. Calls fail without being sent.
 *
 * All times are of the monotonic clock.
 */
export class Fence {
  readonly #settings: FenceSettings
  readonly #held = new Set<Held>()
  #state: 'open' | 'unverified' | 'split' = 'open'
  #epoch = 0
  #lastCounter = 0
  #acknowledged: (Pulse & { acknowledgedAtMs: number }) | undefined
  /** When the fence left the state `open`. */
  #closedAtMs = 0
  /** Only a pulse from this one on, read on a connection that was opened after this time, opens the fence. */
  #required = { counter: 0, readerOpenedAtMs: 0 }
  #lastReadAtMs = 0

  constructor(settings: FenceSettings) {
    this.#settings = settings
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether no pulse was sent yet that can open the fence. */
  get needsPulse(): boolean {
    return !this.isOpen && this.#lastCounter < this.#required.counter
  }

  /** @throws if the client is on another server than the reader */
  rejectIfSplit(): void {
    if (this.#state === 'split') throw splitError()
  }

  /**
   * Returns the reply of a call once the fence is open.
   * @throws if the client is or was on another server than the reader
   */
  async verify<T>(reply: T): Promise<T> {
    this.rejectIfSplit()
    if (!this.isOpen) {
      await new Promise<void>((accept, reject) => {
        this.#held.add({ accept, reject })
      })
    }
    return reply
  }

  nextPulse(): Pulse {
    return { counter: ++this.#lastCounter, sentAtMs: performance.now(), epoch: this.#epoch }
  }

  /** Records that the client's server has the pulse. */
  acknowledge(pulse: Pulse): void {
    if (pulse.epoch === this.#epoch) this.#acknowledged = { ...pulse, acknowledgedAtMs: performance.now() }
  }

  /** Records that the client has a new connection, which may lead to another server. Replies of the old one are rejected. */
  startEpoch(): void {
    this.#epoch++
    this.#acknowledged = undefined
    this.#rejectHeld(new Error('the connection was closed before its server was verified'))
    this.#close('unverified', this.#required.readerOpenedAtMs)
  }

  /** Holds replies until the client was compared with a reader that asked for the master again. */
  suspect(): void {
    if (this.#state === 'split') return
    this.#close('unverified', performance.now())
    this.#settings.onSuspicion()
  }

  /**
   * Records what the reader has read.
   * @param counter the pulse of this process, or 0 if there is none
   * @param sentAtMs when the read was sent
   * @param openedAtMs when the reader opened its connection
   */
  read(counter: number, sentAtMs: number, openedAtMs: number): void {
    this.#lastReadAtMs = sentAtMs
    if (this.#isMissing(counter, sentAtMs)) this.#onMissing(counter, openedAtMs)
    else if (
      !this.isOpen &&
      counter >= this.#required.counter &&
      openedAtMs >= this.#required.readerOpenedAtMs
    ) {
      const wasSplit = this.#state === 'split'
      this.#open()
      this.#settings.onVerified(wasSplit, performance.now() - this.#closedAtMs)
    }
  }

  /**
   * Opens the fence if the reader could not read anything for a long time, for example because Redis accepts no more
   * connections. Never after a split, which is proved.
   */
  openIfUnverifiable(): void {
    if (this.#state !== 'unverified' || !this.#acknowledged) return
    if (performance.now() - Math.max(this.#closedAtMs, this.#lastReadAtMs) < MAX_UNVERIFIED_MS) return
    this.#settings.onUnverifiable(`the feed was not read for ${MAX_UNVERIFIED_MS} ms`)
    this.#open()
  }

  /** Records that the client may not write pulses. Accepts all replies until it may. */
  openWithoutPulses(reason: string): void {
    this.#settings.onUnverifiable(reason)
    this.disable()
  }

  /** Accepts all replies. */
  disable(): void {
    this.#acknowledged = undefined
    this.#open()
  }

  #isMissing(counter: number, sentAtMs: number): boolean {
    const pulse = this.#acknowledged
    if (!pulse || pulse.acknowledgedAtMs >= sentAtMs || counter >= pulse.counter) return false
    return performance.now() - pulse.sentAtMs < MAX_PULSE_AGE_MS
  }

  /** A key that does not exist may have been evicted or deleted, so that only a new pulse can prove a split. */
  #onMissing(counter: number, readerOpenedAtMs: number): void {
    if (counter > 0 || !this.isOpen) {
      this.#split(readerOpenedAtMs)
    } else {
      this.#acknowledged = undefined
      this.suspect()
    }
  }

  #split(readerOpenedAtMs: number): void {
    const isNew = this.#state !== 'split'
    const isConfirmed = !isNew && readerOpenedAtMs >= this.#required.readerOpenedAtMs
    // A pulse that was acknowledged by the wrong server proves nothing later.
    this.#acknowledged = undefined
    this.#close('split', performance.now())
    this.#rejectHeld(splitError())
    if (isNew) this.#settings.onSplit()
    if (isConfirmed) this.#settings.onConfirmedSplit()
    this.#settings.onSuspicion()
  }

  #close(state: 'unverified' | 'split', readerOpenedAtMs: number): void {
    if (this.isOpen) this.#closedAtMs = performance.now()
    if (this.#state !== 'split') this.#state = state
    this.#required = { counter: this.#lastCounter + 1, readerOpenedAtMs }
  }

  #open(): void {
    this.#state = 'open'
    for (const { accept } of this.#held) accept()
    this.#held.clear()
  }

  #rejectHeld(error: Error): void {
    for (const { reject } of this.#held) reject(error)
    this.#held.clear()
  }
}

function splitError(): Error {
  return new Error('the Redis client is connected to a master that was replaced')
}
