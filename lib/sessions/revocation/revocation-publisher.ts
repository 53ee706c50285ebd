import type { Revocation, RevocationFeed } from '../../../types/revocation-feed.js'
import { retentionOf } from '../../store/recent-revocations.js'
import type { Background } from '../../utils/retry-queue.js'
import { untilDone } from '../store-access/background-retry.js'
import type { StoreCalls } from '../store-access/store-client.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** How many sessions are told of at once: some tens of kilobytes. */
const BATCH = 500

/** Tells the other processes of sessions that have ended, until the feed has taken it or their access tokens have expired. */
export class Announcer {
  readonly #feed: RevocationFeed | null
  readonly #retrying: { calls: StoreCalls; background: Background }
  readonly #revoked: RevokedSessions
  readonly #giveUpMs: number

  /** @param feed null: there is nobody to tell */
  constructor(
    feed: RevocationFeed | null,
    retrying: { calls: StoreCalls; background: Background },
    revoked: RevokedSessions,
    accessTokenTtlMs: number
  ) {
    this.#feed = feed
    this.#retrying = retrying
    this.#revoked = revoked
    this.#giveUpMs = retentionOf(accessTokenTtlMs)
  }

  /**
   * Of sessions that the feed has told of already it is silent.
   * @throws `FRT_ERR_STORE_UNAVAILABLE`: it goes on trying
   */
  async tell({ sids, ...why }: Revocation): Promise<void> {
    const feed = this.#feed
    if (!feed) return
    const news = sids.filter((sid) => !this.#revoked.isInFeed(sid))
    const batches = Array.from({ length: Math.ceil(news.length / BATCH) }, (_, i) =>
      this.#tellBatch(feed, { sids: news.slice(i * BATCH, (i + 1) * BATCH), ...why })
    )
    // Each is tried to its end before the first failure is told.
    await Promise.allSettled(batches)
    await Promise.all(batches)
  }

  async #tellBatch(feed: RevocationFeed, revocation: Revocation): Promise<void> {
    const key = `feed ${revocation.sids.join()}`
    await untilDone(this.#retrying, key, this.#giveUpMs, (ask) => ask('announce', () => feed.add(revocation)))
    this.#revoked.hear(revocation)
  }
}
