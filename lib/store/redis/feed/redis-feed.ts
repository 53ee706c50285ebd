import type { RedisClient } from '../../../../types/redis-client.js'
import type { FeedSettings, Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { ClockReading } from '../../../utils/clock.js'
import { RecentRevocations, retentionOf } from '../../recent-revocations.js'
import { duplicateForBlocking } from '../dedicated-connection.js'
import type { Fence } from '../failover/fence.js'
import { MasterGuard, type MasterGuardOptions, PULSE_PERIOD_MS } from '../failover/master-guard.js'
import { Freshness } from './freshness.js'
import { FeedReader } from './reader.js'
import { addEntry, type Stream, type StreamKeys } from './stream.js'

/** Bounds the memory of a process that revokes many sessions. */
const MAX_ADDED = 10_000

export interface RedisFeedOptions extends Omit<MasterGuardOptions, 'pulseKey' | 'pulsePeriodMs'> {
  keys: StreamKeys
  onClose(): void
}

/** A feed as a Redis stream. Writes with the application's client, and reads on a dedicated connection. */
export class RedisFeed implements RevocationFeed {
  readonly #redis: RedisClient
  readonly #key: string
  readonly #retentionMs: number
  readonly #freshness: Freshness
  readonly #reader: FeedReader
  readonly #guard: MasterGuard
  readonly #onClose: () => void
  readonly #onRepublished: FeedSettings['onRepublished']
  /** The entries that this process added, by id. It adds them again if the stream loses them (a failover, a restart). */
  readonly #added: RecentRevocations

  constructor(options: RedisFeedOptions, settings: FeedSettings) {
    const { redis, keys } = options
    this.#onClose = options.onClose
    this.#redis = redis
    this.#key = keys.stream
    this.#onRepublished = settings.onRepublished
    this.#retentionMs = retentionOf(settings.accessTokenTtlMs)
    this.#added = new RecentRevocations(this.#retentionMs, MAX_ADDED)
    this.#freshness = new Freshness(settings.staleAfterMs, this.#retentionMs)
    this.#reader = new FeedReader(
      {
        ...settings,
        keys,
        connect: (timeoutMs) => duplicateForBlocking(redis, timeoutMs),
        onCaughtUp: (stream, ids, startedAt) => this.#republishMissing(stream, ids, startedAt),
        onPulse: (...read) => this.#guard.read(...read)
      },
      this.#freshness
    )
    const pulsePeriodMs = Math.min(PULSE_PERIOD_MS, settings.staleAfterMs / 2)
    this.#guard = new MasterGuard(
      { ...options, pulseKey: keys.pulse, pulsePeriodMs },
      settings,
      this.#reader.loop
    )
  }

  /** Holds or rejects replies of the client while it may use a master that was replaced. */
  get fence(): Fence {
    return this.#guard.fence
  }

  async add(revocation: Revocation): Promise<void> {
    this.fence.rejectIfSplit()
    const id = await addEntry(this.#redis, this.#key, revocation, this.#retentionMs)
    this.#added.add(id, revocation)
    await this.fence.verify(id)
  }

  follow(): Promise<void> {
    this.#guard.start()
    return new Promise((resolve) => void this.#reader.follow(resolve))
  }

  isStale(): boolean {
    return this.#freshness.isStale()
  }

  close(): void {
    this.#guard.close()
    this.#reader.loop.close()
    this.#onClose()
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
