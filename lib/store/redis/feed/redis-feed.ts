import type { RedisClient } from '../../../../types/redis-client.js'
import type { FeedSettings, Revocation, RevocationFeed } from '../../../../types/revocation-feed.js'
import type { ClockReading } from '../../../utils/clock.js'
import { RecentRevocations, retentionOf } from '../../recent-revocations.js'
import { duplicateForBlocking } from '../dedicated-connection.js'
import { reconnectClient } from '../failover/client-connection.js'
import { Fence } from '../failover/fence.js'
import { PulseSender } from '../failover/pulse-sender.js'
import { watchSentinels } from '../failover/sentinel-watch.js'
import { Freshness } from './freshness.js'
import { FeedReader } from './reader.js'
import { addEntry, type Stream, type StreamKeys } from './stream.js'

const MAX_PULSE_PERIOD_MS = 1000
/** Bounds the memory of a process that revokes many sessions. */
const MAX_ADDED = 10_000

export interface RedisFeedOptions {
  redis: RedisClient
  keys: StreamKeys
  /** Whether a client that stays on a replaced master is made to connect again. */
  reconnectOnFailover: boolean
}

/** A feed as a Redis stream. Writes with the application's client, and reads on a dedicated connection. */
export class RedisFeed implements RevocationFeed {
  readonly #redis: RedisClient
  readonly #key: string
  readonly #retentionMs: number
  readonly #freshness: Freshness
  readonly #reader: FeedReader
  /** Compares the server of the client with that of the reader. */
  readonly fence: Fence
  readonly #pulseSender: PulseSender
  readonly #endWatch: () => void
  readonly #onRepublished: FeedSettings['onRepublished']
  /** The entries that this process added, by id. It adds them again if the stream loses them (a failover, a restart). */
  readonly #added: RecentRevocations

  constructor({ redis, keys, reconnectOnFailover }: RedisFeedOptions, settings: FeedSettings) {
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
        onPulse: (...read) => this.fence.read(...read)
      },
      this.#freshness
    )
    this.fence = new Fence({
      onSplit: () => settings.onEvent({ state: 'split' }),
      onVerified: (wasSplit, durationMs) => {
        if (wasSplit) settings.onEvent({ state: 'joined', durationMs })
        settings.onMasterChanged()
      },
      onUnverifiable: (reason) => settings.onEvent({ state: 'unverifiable', reason }),
      onConfirmedSplit: () => {
        if (reconnectOnFailover && reconnectClient(redis)) settings.onEvent({ state: 'client-moved' })
      },
      onSuspicion: () => {
        this.#reader.reconnect()
        this.#pulseSender.sendNow()
      }
    })
    this.#pulseSender = new PulseSender(redis, this.fence, {
      key: keys.pulse,
      periodMs: Math.min(MAX_PULSE_PERIOD_MS, settings.staleAfterMs / 2),
      overdueMs: settings.storeTimeoutMs,
      onReady: () => this.#reader.retryNow()
    })
    this.#endWatch = watchSentinels(redis, () => this.fence.suspect())
  }

  async add(revocation: Revocation): Promise<void> {
    this.fence.rejectIfSplit()
    const id = await addEntry(this.#redis, this.#key, revocation, this.#retentionMs)
    this.#added.add(id, revocation)
    await this.fence.verify(id)
  }

  follow(): Promise<void> {
    return new Promise((resolve) => void this.#reader.follow(resolve))
  }

  isStale(): boolean {
    return this.#freshness.isStale()
  }

  close(): void {
    this.#endWatch()
    this.#pulseSender.close()
    this.#reader.close()
    this.fence.disable()
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
