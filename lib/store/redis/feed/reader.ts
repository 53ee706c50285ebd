import { setTimeout } from 'node:timers/promises'
import type { FeedSettings, Revocation } from '../../revocation-feed.js'
import type { FeedConnection } from './connection.js'
import { type Freshness, type Moment, momentNow } from './freshness.js'
import { type Entry, isLater, PAGE, START, Stream } from './stream.js'

const MIN_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

export interface ReaderSettings extends Pick<FeedSettings, 'staleAfterMs' | 'log'> {
  key: string
  connect(): FeedConnection
  heard(revocation: Revocation): void
  /** The whole stream was read: the ids of its entries, and when it was asked for. */
  readWhole(stream: Stream, ids: Set<string>, asked: Moment): Promise<void>
}

/**
 * Reads the stream over a connection of its own: all that is kept, then what comes, each entry checked to
 * follow the one before. Whatever goes wrong, it starts anew with another connection.
 */
export class FeedReader {
  readonly #settings: ReaderSettings
  readonly #freshness: Freshness
  readonly #closing = new AbortController()
  #connection: FeedConnection | undefined
  /** The last entry that was read; undefined before the first reading. */
  #position: string | undefined
  #isInterrupted = false

  constructor(settings: ReaderSettings, freshness: Freshness) {
    this.#settings = settings
    this.#freshness = freshness
  }

  /** Until closed. @param caughtUp is called each time that all has been read */
  async follow(caughtUp: () => void): Promise<void> {
    let pauseMs = MIN_PAUSE_MS
    while (!this.#closing.signal.aborted) {
      try {
        this.#connection = this.#settings.connect()
        const stream = new Stream(this.#connection, this.#settings.key, 0.75 * this.#settings.staleAfterMs)
        await this.#readAll(stream)
        caughtUp()
        pauseMs = MIN_PAUSE_MS
        await this.#readOn(stream)
      } catch (error) {
        this.#noteInterruption(error as Error)
      }
      this.#connection?.disconnect()
      // Not all processes at once.
      await this.#pause(pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
    }
  }

  close(): void {
    this.#closing.abort()
    this.#connection?.disconnect()
  }

  /** From the start each time: the ids of a new master may lie below those that the old one gave. */
  async #readAll(stream: Stream): Promise<void> {
    const asked = momentNow()
    const ids = new Set<string>()
    let first: Entry | undefined
    let last: Entry | undefined
    for await (const page of stream.pages()) {
      for (const entry of page) {
        if (last) checkOrder(entry, last.id)
        this.#settings.heard(entry.revocation)
        ids.add(entry.id)
        first ??= entry
        last = entry
      }
    }
    this.#noteGap(ids, first?.before ?? START)
    this.#position = last?.id ?? START
    this.#freshness.wholeAt(asked)
    await this.#settings.readWhole(stream, ids, asked)
    this.#noteRecovery()
  }

  async #readOn(stream: Stream): Promise<never> {
    for (;;) {
      const asked = momentNow()
      const entries = await stream.next(this.#position as string, this.#settings.staleAfterMs / 4)
      for (const entry of entries) {
        checkOrder(entry, this.#position as string)
        this.#settings.heard(entry.revocation)
        this.#position = entry.id
      }
      // A stream that was deleted is silent, too.
      if (entries.length === 0) checkEnd(await stream.lastId(), this.#position as string)
      if (entries.length < PAGE) this.#freshness.wholeAt(asked)
    }
  }

  /** What lies between the last entry that was read and the first that there is, nobody can read any more. */
  #noteGap(ids: Set<string>, beforeFirst: string): void {
    const position = this.#position
    if (position === undefined || ids.has(position) || position === beforeFirst) return
    this.#freshness.lost()
    this.#settings.log.warn({ event: 'revocation_feed_gap' }, 'entries of the revocation feed are lost')
  }

  #noteInterruption({ message }: Error): void {
    if (this.#isInterrupted || this.#closing.signal.aborted) return
    this.#isInterrupted = true
    const fields = { event: 'revocation_feed_interrupted', reason: message }
    this.#settings.log.warn(fields, 'the revocation feed is interrupted: it is tried again')
  }

  #noteRecovery(): void {
    if (!this.#isInterrupted) return
    this.#isInterrupted = false
    this.#settings.log.info({ event: 'revocation_feed_recovered' }, 'the revocation feed goes on')
  }

  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#closing.signal }).catch(() => {})
  }
}

/** @throws if something is missing between an entry and the last one that was read */
function checkOrder({ before }: Entry, last: string): void {
  if (before !== last) throw new Error('an entry does not follow the last one')
}

/** @throws if the stream ends before the last entry that was read: it is another one */
function checkEnd(end: string, position: string): void {
  if (isLater(position, end)) throw new Error('the stream is not the one that was read')
}
