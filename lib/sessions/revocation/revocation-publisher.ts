import type { Revocation, RevocationFeed } from '../../../types/revocation-feed.js'
import { retentionOf } from '../../store/recent-revocations.js'
import type { StoreClient } from '../store-access/store-client.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** Sessions per feed entry: some tens of kilobytes. */
const BATCH_SIZE = 500

/** Publishes revocations to the other processes. Retries until the feed accepted them or their access tokens expired. */
export class RevocationPublisher {
  readonly #feed: RevocationFeed | null
  readonly #storeClient: StoreClient
  readonly #revoked: RevokedSessions
  readonly #giveUpMs: number

  /** @param feed `null` if the revocation mode uses no feed: nothing is published then */
  constructor(
    feed: RevocationFeed | null,
    storeClient: StoreClient,
    revoked: RevokedSessions,
    accessTokenTtlMs: number
  ) {
    this.#feed = feed
    this.#storeClient = storeClient
    this.#revoked = revoked
    this.#giveUpMs = retentionOf(accessTokenTtlMs)
  }

  /**
   * Publishes the sessions that the feed does not contain yet.
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if a batch failed. It is retried in the background
   */
  async publish({ sids, ...details }: Revocation): Promise<void> {
    const feed = this.#feed
    if (!feed) return
    const unpublished = sids.filter((sid) => !this.#revoked.isInFeed(sid))
    const batches = Array.from({ length: Math.ceil(unpublished.length / BATCH_SIZE) }, (_, i) =>
      this.#publishBatch(feed, {
        sids: unpublished.slice(i * BATCH_SIZE, (i + 1) * BATCH_SIZE),
        ...details
      })
    )
    // Attempt every batch before the first failure is thrown.
    await Promise.allSettled(batches)
    await Promise.all(batches)
  }

  async #publishBatch(feed: RevocationFeed, revocation: Revocation): Promise<void> {
    const key = `publish ${revocation.sids.join()}`
    await this.#storeClient.callWithRetry(key, this.#giveUpMs, (call) =>
      call('publish', () => feed.add(revocation))
    )
    this.#revoked.addFromFeed(revocation)
  }
}
