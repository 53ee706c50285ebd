import type { FeedSettings, Revocation } from '../../../../types/revocation-feed.js'
import { type ClockReading, readClocks } from '../../../utils/clock.js'
import { ConnectionLoop } from '../connection-loop.js'
import type { DedicatedConnection } from '../dedicated-connection.js'
import type { Freshness } from './freshness.js'
import { type Entry, isLater, PAGE, START, Stream, type StreamKeys, timeOf } from './stream.js'

const MAX_POLL_MS = 500

export interface ReaderSettings extends Pick<FeedSettings, 'staleAfterMs' | 'onEvent'> {
  keys: StreamKeys
  /** @param timeoutMs how long the reader waits for the first reply */
  connect(timeoutMs: number): DedicatedConnection
  onRevocation(revocation: Revocation): void
  /** Called with the ids of all entries, and with the time at which the read of the stream started. */
  onCaughtUp(stream: Stream, ids: Set<string>, startedAt: ClockReading): Promise<void>
  /**
   * Called with the pulse of this process on the reader's server, about twice a second.
   * @param sentAtMs when it was read, by the monotonic clock
   * @param openedAtMs when the connection was opened
   */
  onPulse(counter: number, sentAtMs: number, openedAtMs: number): void
}

/**
 * Reads the stream on a dedicated connection: first all entries, then new ones. Checks that each entry is the successor of
 * the one before. After any failure it starts again with a new connection.
 */
export class FeedReader {
  readonly #settings: ReaderSettings
  readonly #freshness: Freshness
  readonly loop: ConnectionLoop
  /** The id of the last entry that was read. Undefined before the first read. */
  #position: string | undefined
  #openedAtMs = 0
  #pulseReadAtMs = 0
  #isInterrupted = false

  constructor(settings: ReaderSettings, freshness: Freshness) {
    this.#settings = settings
    this.#freshness = freshness
    this.loop = new ConnectionLoop({
      connect: () => settings.connect(this.#timeoutMs),
      onFailure: (error) => this.#onFailure(error)
    })
  }

  /**
   * Reads until the loop is closed.
   * @param onCaughtUp called each time the whole stream was read
   */
  follow(onCaughtUp: () => void): Promise<void> {
    return this.loop.run((connection, openedAtMs) => {
      this.#openedAtMs = openedAtMs
      return this.#readUntilFailure(connection, onCaughtUp)
    })
  }

  async #readUntilFailure(connection: DedicatedConnection, onCaughtUp: () => void): Promise<never> {
    const stream = new Stream(connection, this.#settings.keys, this.#timeoutMs)
    await this.#readAll(stream)
    onCaughtUp()
    for (;;) {
      await this.#readNext(stream)
      this.loop.markSuccess()
    }
  }

  /** How long the reader waits for a reply. */
  get #timeoutMs(): number {
    return 0.75 * this.#settings.staleAfterMs
  }

  /** Reads from the start after each connect, because the ids of a new master may be lower than those of the old one. */
  async #readAll(stream: Stream): Promise<void> {
    const startedAt = readClocks()
    const ids = new Set<string>()
    let idBeforeFirst: string | undefined
    let lastId = START
    let isComplete = true
    for await (const page of stream.pages()) {
      for (const entry of page) {
        idBeforeFirst ??= entry.previousId
        if (ids.size > 0 && entry.previousId !== lastId) isComplete = false
        if (entry.revocation) this.#settings.onRevocation(entry.revocation)
        else isComplete = false
        ids.add(entry.id)
        lastId = entry.id
      }
    }
    const position = this.#position ?? lastId
    if (!isComplete || !(ids.has(position) || position === (idBeforeFirst ?? START))) this.#recordGap()
    this.#position = lastId
    const pulse = await this.#checkState(stream, lastId)
    this.#freshness.markCaughtUp(startedAt)
    this.#settings.onEvent({ state: 'read', entries: ids.size })
    await this.#settings.onCaughtUp(stream, ids, startedAt)
    this.#onRecovery()
    // Last, because it may close the connection.
    this.#settings.onPulse(...pulse)
  }

  /** @throws if an entry is missing or cannot be parsed. A read of the whole stream then shows what was lost */
  async #readNext(stream: Stream): Promise<void> {
    const startedAt = readClocks()
    const blockMs = this.#pollMs
    const entries = await stream.next(this.#position as string, blockMs)
    for (const { id, previousId, revocation } of entries) {
      if (previousId !== this.#position || !revocation)
        throw new Error('a stream entry is missing or cannot be parsed')
      this.#settings.onRevocation(revocation)
      this.#position = id
    }
    // A deleted stream and a demoted master also return no entries.
    const isPulseOld = performance.now() - this.#pulseReadAtMs > blockMs
    if (entries.length === 0 || isPulseOld)
      this.#settings.onPulse(...(await this.#checkState(stream, this.#position as string)))
    // After a full page there may be more entries.
    if (entries.length === PAGE) return
    this.#freshness.markCaughtUp(startedAt)
    this.#settings.onEvent({ state: 'read', entries: entries.length, lagMs: lagOf(entries[0]) })
  }

  /** How long one read waits for entries, and how often the pulse is read. */
  get #pollMs(): number {
    return Math.min(MAX_POLL_MS, Math.floor(this.#settings.staleAfterMs / 4))
  }

  /**
   * @returns the pulse of this process, as the arguments of `onPulse`
   * @throws if the stream ends before the last entry that was read, so it was deleted or replaced
   */
  async #checkState(stream: Stream, position: string): Promise<Parameters<ReaderSettings['onPulse']>> {
    const sentAtMs = performance.now()
    const { lastId, pulse } = await stream.state()
    this.#pulseReadAtMs = sentAtMs
    if (isLater(position, lastId)) throw new Error('the stream was deleted or replaced')
    return [pulse, sentAtMs, this.#openedAtMs]
  }

  #recordGap(): void {
    this.#freshness.markGap()
    this.#settings.onEvent({ state: 'gap' })
  }

  #onFailure({ message: reason }: Error): void {
    if (!this.#isInterrupted) this.#settings.onEvent({ state: 'interrupted', reason })
    this.#isInterrupted = true
    if (this.#freshness.isStale()) this.#settings.onEvent({ state: 'stale', reason })
  }

  #onRecovery(): void {
    if (!this.#isInterrupted) return
    this.#isInterrupted = false
    this.#settings.onEvent({ state: 'recovered' })
  }
}

/** Compares the time in the id, which is by the clock of Redis, with the clock of this process. */
function lagOf(oldest: Entry | undefined): number | undefined {
  return oldest && Math.max(0, Date.now() - timeOf(oldest.id))
}
