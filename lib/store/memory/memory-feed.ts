import type { FeedSettings, Revocation, RevocationFeed } from '../../../types/revocation-feed.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { RecentRevocations, retentionOf } from '../recent-revocations.js'

type Heard = FeedSettings['onRevocation']

/** What the apps that share a memory store tell each other. In one process nothing is late, and nothing lost. */
export class MemoryFeedHub {
  readonly #listeners = new Set<Heard>()
  readonly #recent = new RecentRevocations(0)

  open({ onRevocation, accessTokenTtlMs }: FeedSettings): RevocationFeed {
    this.#recent.keepFor(retentionOf(accessTokenTtlMs))
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
