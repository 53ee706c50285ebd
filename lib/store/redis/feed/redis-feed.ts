import type { RedisClient } from '../../../../types/redis-client.js'
import type { FeedSettings, Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { ClockReading } from '../../../utils/clock.js'
import { RecentRevocations, retentionOf } from '../../recent-revocations.js'
import { duplicateForBlocking } from '../dedicated-connection.js'
import { Freshness } from './freshness.js'
import { FeedReader } from './reader.js'
import { addEntry, type Stream } from './stream.js'

/** A feed as a Redis stream. Writes with the application's client, and reads on a dedicated connection. */
export class RedisFeed implements RevocationFeed {
  readonly #redis: RedisClient
  readonly #key: string
  readonly #retentionMs: number
  readonly #freshness: Freshness
  readonly #reader: FeedReader
  readonly #onRepublished: FeedSettings['onRepublished']
  /** The entries that this process added, by id. It adds them again if the stream loses them (a failover, a restart). */
  readonly #added: RecentRevocations

  constructor(redis: RedisClient, key: string, settings: FeedSettings) {
    this.#redis = redis
    this.#key = key
    this.#onRepublished = settings.onRepublished
    this.#retentionMs = retentionOf(settings.accessTokenTtlMs)
    this.#added = new RecentRevocations(this.#retentionMs)
    this.#freshness = new Freshness(settings.staleAfterMs, this.#retentionMs)
    this.#reader = new FeedReader(
      {
        ...settings,
        key,
        connect: (timeoutMs) => duplicateForBlocking(redis, timeoutMs),
        onCaughtUp: (stream, ids, startedAt) => this.#republishMissing(stream, ids, startedAt)
      },
      this.#freshness
    )
  }

  async add(revocation: Revocation): Promise<void> {
    const id = await addEntry(this.#redis, this.#key, revocation, this.#retentionMs)
    this.#added.add(id, revocation)
  }

  follow(): Promise<void> {
    return new Promise((resolve) => void this.#reader.follow(resolve))
  }

  isStale(): boolean {
    return this.#freshness.isStale()
  }

  close(): void {
    this.#reader.close()
  }

  async #republishMissing(stream: Stream, ids: Set<string>, startedAt: ClockReading): Promise<void> {
    const added = [...this.#added.addedBefore(startedAt.monotonicMs)]
    const missing = added.filter(([id]) => !ids.has(id))
    await Promise.all(
      missing.map(async ([id, revocation]) => {
        this.#added.add(await stream.add(revocation, this.#retentionMs), revocation)
        this.#added.delete(id)
        this.#onRepublished(revocation)
      })
    )
  }
}
