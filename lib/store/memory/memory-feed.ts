import type { FeedSettings, Revocation, RevocationFeed } from '../../../types/revocation-feed.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { RecentRevocations, retentionOf } from '../recent-revocations.js'

/** Connects the applications that share one memory store. Delivery within one process is immediate and loses nothing. */
export class MemoryFeedHub {
  readonly #listeners = new Set<FeedSettings['onRevocation']>()
  readonly #recent = new RecentRevocations(0)

  open({ onRevocation, accessTokenTtlMs }: FeedSettings): RevocationFeed {
    this.#recent.extendRetention(retentionOf(accessTokenTtlMs))
    return {
      add: async (revocation: Revocation) => {
        this.#recent.add(createIdempotencyKey(), revocation)
        for (const listener of this.#listeners) listener(revocation)
      },
      follow: async () => {
        this.#listeners.add(onRevocation)
        for (const revocation of this.#recent.addedBefore(Number.POSITIVE_INFINITY).values())
          onRevocation(revocation)
      },
      isStale: () => false,
      close: () => void this.#listeners.delete(onRevocation)
    }
  }
}
