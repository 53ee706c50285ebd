/** How long a pulse stays in Redis, in milliseconds. */
export const PULSE_TTL_MS = 30_000
/** A missing pulse proves nothing if it may have expired. */
const MAX_PULSE_AGE_MS = PULSE_TTL_MS / 3
/** Longer than Sentinel needs to demote an old master that is back. */
const MAX_UNVERIFIED_MS = 30_000
/** How often the reader connects again while a split lasts, in case that it is the one on the wrong server. */
const RECONNECT_PAUSE_MS = 2000

/** A counter that the application's client writes, and that a reader reads on its own connection. */
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
  onMustReconnect(): void
}

interface Held {
  sinceMs: number
  accept(): void
  reject(error: Error): void
}

/**
 * Rejects the replies of a master that the rest of the deployment has left.
 *
 * The application's client and the reader have a connection each. The client writes pulses, and the reader reads them. One
 * Redis server is linearizable: if the client's server has acknowledged a pulse, a later read on the same server returns
 * it, unless the server lost the pulse. A read that does not is on another server, whatever the load and the clocks are.
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
  /** When a server first replied to a pulse since the fence left the state `open`. */
  #repliedAtMs: number | undefined
  #reconnectedAtMs = Number.NEGATIVE_INFINITY

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
        this.#held.add({ sinceMs: performance.now(), accept, reject })
      })
    }
    return reply
  }

  nextPulse(): Pulse {
    return { counter: ++this.#lastCounter, sentAtMs: performance.now(), epoch: this.#epoch }
  }

  /** Records that the client's server has the pulse. */
  acknowledge(pulse: Pulse): void {
    if (pulse.epoch !== this.#epoch) return
    this.#acknowledged = { ...pulse, acknowledgedAtMs: performance.now() }
    this.#repliedAtMs ??= performance.now()
  }

  /** Records that the client's server rejected the pulse. */
  refuse(pulse: Pulse): void {
    if (pulse.epoch === this.#epoch) this.#repliedAtMs ??= performance.now()
  }

  /** Rejects replies that were held for longer than a request waits for them. */
  rejectOlderThan(maxMs: number): void {
    for (const held of this.#held) {
      if (performance.now() - held.sinceMs <= maxMs) return
      this.#held.delete(held)
      held.reject(new Error(`the server of the client was not verified within ${maxMs} ms`))
    }
  }

  /** Records that the client has a new connection, which may lead to another server. Replies of the old one are rejected. */
  startEpoch(): void {
    this.#epoch++
    this.#acknowledged = undefined
    this.#repliedAtMs = undefined
    this.#rejectHeld(new Error('the connection was closed before its server was verified'))
    this.#close('unverified', this.#required.readerOpenedAtMs)
  }

  /** Holds replies until the client was compared with a reader that asked for the master again. */
  suspect(): void {
    if (this.#state === 'split') return
    this.#close('unverified', performance.now())
    this.#reconnectReader()
  }

  /**
   * Records what the reader has read.
   * @param counter the pulse of this process, or 0 if there is none
   * @param sentAtMs when the read was sent
   * @param openedAtMs when the reader opened its connection
   */
  read(counter: number, sentAtMs: number, openedAtMs: number): void {
    if (this.#isMissing(counter, sentAtMs)) this.#onMissing(counter, openedAtMs)
    else if (!this.isOpen && counter >= this.#required.counter && this.#isNewReader(openedAtMs)) {
      const wasSplit = this.#state === 'split'
      this.#open()
      this.#settings.onVerified(wasSplit, performance.now() - this.#closedAtMs)
    }
  }

  /**
   * Opens the fence if the client works, and could not be compared for a long time. Examples are a Redis that accepts no more
   * connections, and one that rejects writes. Never after a split, which is proved.
   */
  openIfUnverifiable(): void {
    if (this.#state !== 'unverified' || this.#repliedAtMs === undefined) return
    if (performance.now() - this.#repliedAtMs < MAX_UNVERIFIED_MS) return
    this.openUnverified(`no pulse was read within ${MAX_UNVERIFIED_MS} ms`)
  }

  /** Accepts all replies until the next suspicion. */
  openUnverified(reason: string): void {
    if (this.isOpen) return
    this.#acknowledged = undefined
    this.#settings.onUnverifiable(reason)
    this.#open()
  }

  /** Rejects the held replies. */
  close(): void {
    this.#rejectHeld(new Error('the store was closed'))
  }

  #isMissing(counter: number, sentAtMs: number): boolean {
    const pulse = this.#acknowledged
    if (!pulse || pulse.acknowledgedAtMs >= sentAtMs || counter >= pulse.counter) return false
    return performance.now() - pulse.sentAtMs < MAX_PULSE_AGE_MS
  }

  /** A key that does not exist may have been evicted or deleted, so that only a new pulse can prove a split. */
  #onMissing(counter: number, readerOpenedAtMs: number): void {
    if (counter > 0 || (!this.isOpen && this.#isNewReader(readerOpenedAtMs))) {
      this.#split(readerOpenedAtMs)
    } else if (this.isOpen) {
      this.#acknowledged = undefined
      this.suspect()
    }
  }

  /** Whether the reader has asked for the master since the fence asked it to. */
  #isNewReader(openedAtMs: number): boolean {
    return openedAtMs >= this.#required.readerOpenedAtMs
  }

  #split(readerOpenedAtMs: number): void {
    const now = performance.now()
    const isNew = this.#state !== 'split'
    const isConfirmed = !isNew && this.#isNewReader(readerOpenedAtMs)
    const mustReconnect = isNew || now - this.#reconnectedAtMs >= RECONNECT_PAUSE_MS
    // A pulse that was acknowledged by the wrong server proves nothing later.
    this.#acknowledged = undefined
    this.#close('split', mustReconnect ? now : this.#required.readerOpenedAtMs)
    this.#rejectHeld(splitError())
    if (isNew) this.#settings.onSplit()
    if (isConfirmed) this.#settings.onConfirmedSplit()
    if (mustReconnect) this.#reconnectReader()
  }

  #reconnectReader(): void {
    this.#reconnectedAtMs = performance.now()
    this.#settings.onMustReconnect()
  }

  #close(state: 'unverified' | 'split', readerOpenedAtMs: number): void {
    if (this.isOpen) {
      this.#closedAtMs = performance.now()
      this.#repliedAtMs = undefined
    }
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
