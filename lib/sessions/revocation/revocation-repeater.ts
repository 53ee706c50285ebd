import type { Revocation } from '../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../types/session.js'
import { RecentRevocations } from '../../store/recent-revocations.js'
import { groupByUser } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import type { CallStore, StoreClient } from '../store-access/store-client.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** Longer than Sentinel needs to replace a master. */
const RECENT_MS = 60_000
const MAX_RECENT = 1000

/** Repeats revocations that a failover may have undone. Emits nothing, because the first revocation did. */
export class RevocationRepeater {
  readonly #storeClient: StoreClient
  readonly #revoked: RevokedSessions
  /** The longest lifetime of a session. After it there is nothing left to revoke. */
  readonly #maxTtlMs: number
  /** What the store has acknowledged last. A new master may not have it. */
  readonly #recent = new RecentRevocations(RECENT_MS, MAX_RECENT)

  constructor(storeClient: StoreClient, revoked: RevokedSessions, maxTtlMs: number) {
    this.#storeClient = storeClient
    this.#revoked = revoked
    this.#maxTtlMs = maxTtlMs
  }

  /** Remembers a revocation that the store has acknowledged, for `repeatRecent`. */
  remember(sid: string, reason: RevocationReason): void {
    this.#recent.add(sid, { sids: [sid], reason, expiresAtMs: 0 })
  }

  /** Revokes sessions again, those of one user by one call of the store. Retries in the background. */
  async repeat({ sids, reason }: Revocation): Promise<void> {
    this.#revoked.unsettle(sids)
    const calls = groupByUser(sids).map((group) => {
      const idempotencyKey = createIdempotencyKey()
      const revoke = (call: CallStore) =>
        call('revoke', (store) => store.revoke(group, reason, idempotencyKey))
      return this.#storeClient.callWithRetry(`repeat ${group.join()}`, this.#maxTtlMs, revoke)
    })
    await Promise.allSettled(calls)
  }

  /**
   * Repeats the revocations of the last minute, because a new master may not have them. The feed does not show this: the
   * session may have been revoked on the old master, and published on the new one.
   */
  async repeatRecent(): Promise<void> {
    this.#revoked.startEpoch()
    const revocations = [...this.#recent.addedBefore(performance.now()).values()]
    // One after the other, so that a new master is not flooded. A failed one is retried in the background.
    for (const revocation of revocations) await this.repeat(revocation)
  }
}
