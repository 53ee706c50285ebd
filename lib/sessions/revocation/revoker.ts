import type { RevocationReason, Session } from '../../../types/session.js'
import type { LocalRevocation } from '../../../types/session-store.js'
import { errors } from '../../errors.js'
import { groupByUser } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import type { CallStore, StoreClient } from '../store-access/store-client.js'
import type { RevocationPublisher } from './revocation-publisher.js'
import type { RevocationRepeater } from './revocation-repeater.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** A reply that took longer does not say precisely when the store's clock was read. */
const MAX_ROUND_TRIP_MS = 1000

export interface RevokerSettings {
  /** The longest lifetime of a session. After it there is nothing left to revoke. */
  maxTtlMs: number
  /** Whether a revocation must be durable before its call resolves. */
  waitsForReplicas: boolean
}

/** Called once for each session, by the process that revoked it. */
export type OnRevoked = (session: Session, reason: RevocationReason) => void

/**
 * Revokes sessions. This process rejects a session from the moment of the call, because security decisions fail closed.
 * The store is called until it replies, because a failed call may have been executed.
 */
export class Revoker {
  readonly #storeClient: StoreClient
  readonly #publisher: RevocationPublisher
  readonly #revoked: RevokedSessions
  readonly #repeater: RevocationRepeater
  readonly #settings: RevokerSettings
  /** Sessions whose revocation is not durable yet. The call that added one retries until it is. */
  readonly #pending = new Set<string>()

  constructor(
    storeClient: StoreClient,
    publisher: RevocationPublisher,
    revoked: RevokedSessions,
    repeater: RevocationRepeater,
    settings: RevokerSettings
  ) {
    this.#storeClient = storeClient
    this.#publisher = publisher
    this.#revoked = revoked
    this.#repeater = repeater
    this.#settings = settings
  }

  /** Returns the revocation of a session, if this process has seen it. */
  findRevocation(sid: string): LocalRevocation | undefined {
    return this.#revoked.get(sid)
  }

  /**
   * Returns the reason of a revocation that is not durable yet. Callers must not query the store meanwhile: a second
   * revocation could win and report the wrong reason.
   */
  pendingReason(sid: string): RevocationReason | undefined {
    return this.#pending.has(sid) ? this.findRevocation(sid)?.reason : undefined
  }

  /**
   * Returns the sessions that still have to be revoked. A client can present the tokens of a revoked session any number of
   * times, and this must not cost anything. Only a successful call of this process settles a revocation, so a logout after a
   * 503 is never skipped.
   */
  withoutSettled(sids: readonly string[]): string[] {
    return sids.filter((sid) => !this.#revoked.isSettled(sid))
  }

  /**
   * Revokes sessions on all nodes, those of one user by one call of the store. Deletes them before publishing, so that
   * their refresh tokens are invalid even if publishing fails.
   *
   * @returns the number of sessions that this call revoked
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not reply in time. The revocation is retried in the background
   */
  async revoke(sids: readonly string[], reason: RevocationReason, onRevoked: OnRevoked): Promise<number> {
    const calls = groupByUser(sids).map((group) => this.#revokeOfUser(group, reason, onRevoked))
    // Waits for all calls, then throws the first error.
    await Promise.allSettled(calls)
    const counts = await Promise.all(calls)
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async #revokeOfUser(sids: string[], reason: RevocationReason, onRevoked: OnRevoked): Promise<number> {
    const idempotencyKey = createIdempotencyKey()
    const unknown = sids.filter((sid) => !this.findRevocation(sid))
    // Until the store replies, assume the longest lifetime.
    this.#addUnknown(unknown, reason, Date.now() + this.#settings.maxTtlMs)
    this.#revoked.unsettle(sids)
    // Earlier calls retry all of them. A client must not start any number of retries while the store is unavailable.
    const isRetried = sids.every((sid) => this.#pending.has(sid))
    for (const sid of sids) this.#pending.add(sid)
    const publish = (sessions: Session[]): Promise<void> => {
      this.#addUnknown(unknown, reason, 0)
      this.#record(sessions, reason, onRevoked)
      // All of them, because the process that revoked another one may have failed to publish.
      return this.#publisher.publish({ sids, reason, expiresAtMs: lastExpiryOf(sessions) })
    }
    return this.#revokeDurably(isRetried ? null : `revoke ${sids.join()}`, async (call) => {
      const sessions = await call('revoke', (store) => store.revoke(sids, reason, idempotencyKey))
      return { result: sessions.length, sids, publish: () => publish(sessions) }
    })
  }

  #addUnknown(sids: string[], reason: RevocationReason, expiresAtMs: number): void {
    for (const sid of sids) this.#revoked.add(sid, reason, expiresAtMs)
  }

  /**
   * Revokes all sessions of a user, except one if `except` is given. Sessions that were created after this call stay,
   * even if the store executes it late.
   *
   * @returns the number of sessions that this call revoked
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store did not reply in time. The revocation is retried in the background
   */
  async revokeAll(
    sub: string,
    reason: RevocationReason,
    except: string | undefined,
    onRevoked: OnRevoked
  ): Promise<number> {
    const idempotencyKey = createIdempotencyKey()
    const calledAt = performance.now()
    let attempts = 0
    // A later call covers everything that an earlier one covers.
    const key = `revoke-all ${JSON.stringify([sub, except])}`
    return this.#revokeDurably(key, async (call) => {
      const isFirst = attempts++ === 0
      const sentAt = performance.now()
      const nowMs = await call('now', (store) => store.now(sub))
      if (!isFirst && performance.now() - sentAt > MAX_ROUND_TRIP_MS) throw new errors.StoreUnavailable()
      // The first attempt covers all sessions. A retry covers those that existed at the time of the call.
      const createdUntilMs = isFirst ? nowMs : nowMs - Math.floor(sentAt - calledAt)
      const filter = { except, createdUntilMs }
      const sessions = await call('revokeAll', (store) =>
        store.revokeAll(sub, reason, idempotencyKey, filter)
      )
      const sids = sessions.map(({ sid }) => sid)
      const publish = () => this.recordAndPublish(sessions, reason, onRevoked)
      return { result: sessions.length, sids, publish }
    })
  }

  /**
   * Revokes a session whose tokens no client has, because its login failed. Retries in the background. Emits nothing, because
   * the login was not emitted either.
   */
  discard(sid: string): void {
    const idempotencyKey = createIdempotencyKey()
    const giveUpAt = performance.now() + this.#settings.maxTtlMs
    this.#storeClient.callInBackground(
      `discard ${sid}`,
      'revoke',
      (store) => store.revoke([sid], 'revoked', idempotencyKey),
      () => performance.now() > giveUpAt
    )
  }

  /**
   * Records sessions that the store has revoked, reports each to `onRevoked`, and publishes them.
   * @throws {FRT_ERR_STORE_UNAVAILABLE} if publishing failed. It is retried in the background
   */
  async recordAndPublish(sessions: Session[], reason: RevocationReason, onRevoked: OnRevoked): Promise<void> {
    this.#record(sessions, reason, onRevoked)
    const sids = sessions.map(({ sid }) => sid)
    await this.#publisher.publish({ sids, reason, expiresAtMs: lastExpiryOf(sessions) })
  }

  #record(sessions: Session[], reason: RevocationReason, onRevoked: OnRevoked): void {
    for (const session of sessions) {
      const { sid } = session
      this.#repeater.remember(sid, reason)
      this.#revoked.add(sid, reason, session.expiresAt.getTime())
      onRevoked(session, reason)
    }
  }

  /**
   * Publishes once, as soon as the store has revoked the sessions (publishing has its own retry). Then waits for
   * replication. If replication fails, repeats the revocation, because a failover may have restored the session.
   *
   * @param key `null` if other calls already retry these revocations
   */
  async #revokeDurably<T>(
    key: string | null,
    revoke: (call: CallStore) => Promise<RevocationResult<T>>
  ): Promise<T> {
    const { maxTtlMs, waitsForReplicas } = this.#settings
    const { epoch } = this.#revoked
    let first: { result: T; sids: string[]; published: Promise<void> } | undefined
    const { result, sids, published } = await this.#storeClient.callWithRetry(key, maxTtlMs, async (call) => {
      const { publish, ...revoked } = await revoke(call)
      first ??= { ...revoked, published: publish() }
      const { sids, published } = first
      published.catch(() => {})
      if (waitsForReplicas) {
        await call('waitForReplicas', async (store) => store.waitForReplicas?.({ revoked: sids }))
      }
      for (const sid of sids) this.#pending.delete(sid)
      return first
    })
    await published
    this.#revoked.settle(sids, epoch)
    return result
  }
}

/** What one revocation in the store did. */
interface RevocationResult<T> {
  result: T
  sids: string[]
  publish(): Promise<void>
}

/** When the last token of these sessions would have expired. 0 if there are none. */
function lastExpiryOf(sessions: Session[]): number {
  return Math.max(0, ...sessions.map(({ expiresAt }) => expiresAt.getTime()))
}
