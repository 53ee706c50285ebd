import { setTimeout } from 'node:timers/promises'
import type { FeedSettings, Revocation } from '../../../../types/revocation-feed.js'
import { type ClockReading, readClocks } from '../../../utils/clock.js'
import type { DedicatedConnection } from '../dedicated-connection.js'
import type { Freshness } from './freshness.js'
import { type Entry, isLater, PAGE, START, Stream, timeOf } from './stream.js'

const MIN_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

export interface ReaderSettings extends Pick<FeedSettings, 'staleAfterMs' | 'onEvent'> {
  key: string
  connect(): DedicatedConnection
  onRevocation(revocation: Revocation): void
  /** The whole stream was read: the ids of its entries, and when it was asked for. */
  onCaughtUp(stream: Stream, ids: Set<string>, asked: ClockReading): Promise<void>
}

/**
 * Reads the stream over a connection of its own: all that is kept, then what comes, each entry checked to
 * follow the one before. Whatever goes wrong, it starts anew with another connection.
 */
export class FeedReader {
  readonly #settings: ReaderSettings
  readonly #freshness: Freshness
  readonly #closing = new AbortController()
  #connection: DedicatedConnection | undefined
  /** The last entry that was read; undefined before the first reading. */
  #position: string | undefined
  #isInterrupted = false
  #pauseMs = MIN_PAUSE_MS

  constructor(settings: ReaderSettings, freshness: Freshness) {
    this.#settings = settings
    this.#freshness = freshness
  }

  /** Until closed. @param caughtUp is called each time that all has been read */
  async follow(caughtUp: () => void): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#readUntilItFails(caughtUp).catch((error) => this.#onFailure(error))
      this.#connection?.disconnect()
      // Not all processes at once.
      await this.#pause(this.#pauseMs * (0.5 + Math.random()))
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS)
    }
  }

  close(): void {
    this.#closing.abort()
    this.#connection?.disconnect()
  }

  async #readUntilItFails(caughtUp: () => void): Promise<never> {
    this.#connection = this.#settings.connect()
    const stream = new Stream(this.#connection, this.#settings.key, 0.75 * this.#settings.staleAfterMs)
    await this.#readAll(stream)
    caughtUp()
    for (;;) {
      await this.#readNext(stream)
      this.#pauseMs = MIN_PAUSE_MS
    }
  }

  /** From the start each time: the ids of a new master may lie below those that the old one gave. */
  async #readAll(stream: Stream): Promise<void> {
    const asked = readClocks()
    const ids = new Set<string>()
    let beforeFirst: string | undefined
    let last = START
    let isWhole = true
    for await (const page of stream.pages()) {
      for (const entry of page) {
        beforeFirst ??= entry.previousId
        if (ids.size > 0 && entry.previousId !== last) isWhole = false
        if (entry.revocation) this.#settings.onRevocation(entry.revocation)
        else isWhole = false
        ids.add(entry.id)
        last = entry.id
      }
    }
    const before = this.#position ?? last
    if (!isWhole || !(ids.has(before) || before === (beforeFirst ?? START))) this.#recordGap()
    this.#position = last
    checkEnd(await stream.lastId(), last)
    this.#freshness.markCaughtUp(asked)
    this.#settings.onEvent({ state: 'read', entries: ids.size })
    await this.#settings.onCaughtUp(stream, ids, asked)
    this.#onRecovery()
  }

  /** @throws for what it cannot make sense of: the whole stream tells more */
  async #readNext(stream: Stream): Promise<void> {
    const asked = readClocks()
    const blockMs = Math.floor(this.#settings.staleAfterMs / 4)
    const entries = await stream.next(this.#position as string, blockMs)
    for (const { id, previousId, revocation } of entries) {
      if (previousId !== this.#position || !revocation)
        throw new Error('an entry does not follow the last one')
      this.#settings.onRevocation(revocation)
      this.#position = id
    }
    // A stream that was deleted is silent, too, and so is a master that is none any more.
    if (entries.length === 0) checkEnd(await stream.lastId(), this.#position as string)
    if (entries.length === PAGE) return
    this.#freshness.markCaughtUp(asked)
    this.#settings.onEvent({ state: 'read', entries: entries.length, lagMs: lagOf(entries[0]) })
  }

  /** Entries were lost that nobody can read any more. */
  #recordGap(): void {
    this.#freshness.markGap()
    this.#settings.onEvent({ state: 'gap' })
  }

  #onFailure({ message: reason }: Error): void {
    if (this.#closing.signal.aborted) return
    if (!this.#isInterrupted) this.#settings.onEvent({ state: 'interrupted', reason })
    this.#isInterrupted = true
    if (this.#freshness.isStale()) this.#settings.onEvent({ state: 'stale', reason })
  }

  #onRecovery(): void {
    if (!this.#isInterrupted) return
    this.#isInterrupted = false
    this.#settings.onEvent({ state: 'recovered' })
  }

  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#closing.signal }).catch(() => {})
  }
}

/** @throws if the stream ends before the last entry that was read: it is another one */
function checkEnd(end: string, position: string): void {
  if (isLater(position, end)) throw new Error('the stream is not the one that was read')
}

/** By the clock of the stream, which wrote the time into the id, and by our own. */
function lagOf(oldest: Entry | undefined): number | undefined {
  return oldest && Math.max(0, Date.now() - timeOf(oldest.id))
}
