import type { RedisClient } from '../../../../types/redis-client.js'
import type { FeedSettings, Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { ClockReading } from '../../../utils/clock.js'
import { RecentRevocations, retentionOf } from '../../recent-revocations.js'
import { duplicateForBlocking } from '../dedicated-connection.js'
import { Freshness } from './freshness.js'
import { FeedReader } from './reader.js'
import { addEntry, type Stream } from './stream.js'

/** The feed as a Redis stream: written by the user's client, read over a connection of its own. */
export class RedisFeed implements RevocationFeed {
  readonly #redis: RedisClient
  readonly #key: string
  readonly #retentionMs: number
  readonly #freshness: Freshness
  readonly #reader: FeedReader
  readonly #lost: FeedSettings['onRepublished']
  /** What this process added, by the id of the entry: a stream that lost it (a failover, a restart) gets it again. */
  readonly #added: RecentRevocations

  constructor(redis: RedisClient, key: string, settings: FeedSettings) {
    this.#redis = redis
    this.#key = key
    this.#lost = settings.onRepublished
    this.#retentionMs = retentionOf(settings.accessTokenTtlMs)
    this.#added = new RecentRevocations(this.#retentionMs)
    this.#freshness = new Freshness(settings.staleAfterMs, this.#retentionMs)
    this.#reader = new FeedReader(
      {
        ...settings,
        key,
        connect: () => duplicateForBlocking(redis),
        onCaughtUp: (stream, ids, asked) => this.#addMissing(stream, ids, asked)
      },
      this.#freshness
    )
  }

  async add(revocation: Revocation): Promise<void> {
    const id = await addEntry(this.#redis, this.#key, revocation, this.#retentionMs)
    this.#added.add(id, revocation)
  }

  follow(): Promise<void> {
    return new Promise((caughtUp) => void this.#reader.follow(caughtUp))
  }

  isStale(): boolean {
    return this.#freshness.isStale()
  }

  close(): void {
    this.#reader.close()
  }

  async #addMissing(stream: Stream, ids: Set<string>, asked: ClockReading): Promise<void> {
    const added = [...this.#added.addedBefore(asked.monotonicMs)]
    const missing = added.filter(([id]) => !ids.has(id))
    await Promise.all(
      missing.map(async ([id, revocation]) => {
        this.#added.add(await stream.add(revocation, this.#retentionMs), revocation)
        this.#added.delete(id)
        this.#lost(revocation)
      })
    )
  }
}
