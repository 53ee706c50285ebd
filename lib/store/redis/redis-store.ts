import type { RedisClient } from '../../../types/redis-client.js'
import type { FeedSettings, RevocationFeed } from '../../../types/revocation-feed.js'
import type { RevocationReason, Session } from '../../../types/session.js'
import type {
  CreateOutcome,
  NewSession,
  Refresh,
  RefreshOutcome,
  RevokeAllFilter,
  SessionStore
} from '../../../types/session-store.js'
import { toTexts } from '../session-serialization.js'
import { evictionWarnings } from './eviction-policy.js'
import { RedisFeed } from './feed/redis-feed.js'
import { createKeys, type Keys } from './keys.js'
import { Replicas } from './replication.js'
import { type SessionReply, toCreateOutcome, toOneSession, toRefreshOutcome, toSessions } from './replies.js'
import { runScript } from './run-script.js'
import { confirmScript } from './scripts/confirm.js'
import { createScript } from './scripts/create.js'
import { getScript, hasScript, listScript, nowScript } from './scripts/read.js'
import { revokeScript } from './scripts/revoke.js'
import { revokeAllScript } from './scripts/revoke-all.js'
import { rotateScript } from './scripts/rotate.js'

export interface RedisStoreOptions {
  /** An ioredis `Redis` or `Cluster`, for Redis 6.2 or later. Never closed here. */
  redis: RedisClient
  /** @default 'frt:' */
  keyPrefix?: string
  /**
   * How many replicas of a master must have a revocation before it counts as done (`WAIT`).
   * @default 0
   */
  replicas?: number
  /**
   * How long to wait for them, in milliseconds.
   * @default 2000
   */
  replicaTimeoutMs?: number
}

/** Sessions in Redis: one script and one round trip for each method, by the clock of Redis. */
export class RedisStore implements SessionStore {
  readonly #redis: RedisClient
  readonly #keys: Keys
  /** Null where nobody waits for them. */
  readonly #replicas: Replicas | null

  constructor({ redis, keyPrefix = 'frt:', replicas = 0, replicaTimeoutMs = 2000 }: RedisStoreOptions) {
    this.#redis = redis
    this.#keys = createKeys(keyPrefix)
    this.#replicas = replicas > 0 ? new Replicas(redis, replicas, replicaTimeoutMs) : null
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const { sid, sub, ttlMs, idleMs, remember, maxPerUser, replaces, deadlineMs = '' } = session
    const { sessions, blacklist, operations } = this.#keys.ofSession(sid)
    const { identity, requestMetadata } = toTexts(session)
    const answer = await runScript(
      this.#redis,
      createScript,
      [sessions, operations + sid, blacklist],
      [
        ...[sid, sub, ttlMs, idleMs, Number(remember), identity, requestMetadata, maxPerUser, deadlineMs],
        ...replaces
      ]
    )
    return toCreateOutcome(answer)
  }

  async rotate(refresh: Refresh): Promise<RefreshOutcome> {
    const { sid, gen, issuedUs, graceMs, idleMs, knownRevocation, requestMetadata, idempotencyKey } = refresh
    const { sessions, blacklist } = this.#keys.ofSession(sid)
    const flags = [refresh.untilConfirmed, refresh.rollback === 'accept', refresh.reportReplayable].map(
      Number
    )
    const answer = await runScript(
      this.#redis,
      rotateScript,
      [sessions, blacklist + sid],
      [
        sid,
        idempotencyKey,
        requestMetadata === null ? '' : JSON.stringify(requestMetadata),
        [gen, issuedUs, graceMs * 1000, idleMs, ...flags].join(' '),
        ...(knownRevocation ? [knownRevocation.reason, knownRevocation.expiresAtMs] : [])
      ]
    )
    return toRefreshOutcome(answer)
  }

  async confirm(sid: string, gen: number): Promise<void> {
    const { sessions } = this.#keys.ofSession(sid)
    await runScript(this.#redis, confirmScript, [sessions], [sid, gen])
  }

  async get(sid: string): Promise<Session | null> {
    const { sessions } = this.#keys.ofSession(sid)
    const answer = await runScript(this.#redis, getScript, [sessions], [sid])
    return answer === null ? null : toOneSession(answer as SessionReply)
  }

  async has(sid: string): Promise<boolean> {
    const { sessions } = this.#keys.ofSession(sid)
    return (await runScript(this.#redis, hasScript, [sessions], [sid])) === '1'
  }

  async now(sub: string): Promise<number> {
    return Number(await runScript(this.#redis, nowScript, [this.#keys.ofUser(sub).sessions], []))
  }

  async list(sub: string): Promise<Session[]> {
    const { sessions } = this.#keys.ofUser(sub)
    const answer = await runScript(this.#redis, listScript, [sessions], [sub])
    return toSessions(answer as SessionReply[])
  }

  async revoke(sid: string, reason: RevocationReason, operation: string): Promise<Session | null> {
    const { sessions, blacklist, operations } = this.#keys.ofSession(sid)
    const answer = await runScript(
      this.#redis,
      revokeScript,
      [sessions, blacklist + sid, operations + operation],
      [sid, reason]
    )
    return toSessions(answer as SessionReply[])[0] ?? null
  }

  async revokeAll(
    sub: string,
    reason: RevocationReason,
    operation: string,
    { except = '', createdUntilMs }: RevokeAllFilter
  ): Promise<Session[]> {
    const { sessions, blacklist, operations } = this.#keys.ofUser(sub)
    const answer = await runScript(
      this.#redis,
      revokeAllScript,
      [sessions, operations + operation, blacklist],
      [sub, reason, except, createdUntilMs]
    )
    return toSessions(answer as SessionReply[])
  }

  async waitForReplicas(sids: string[]): Promise<void> {
    const [sid] = sids
    if (!this.#replicas || sid === undefined) return
    const { sessions, replicationMarker } = this.#keys.ofSession(sid)
    await this.#replicas.wait(sessions, replicationMarker, sids)
  }

  warnings(): Promise<string[]> {
    return evictionWarnings(this.#redis)
  }

  close(): void {
    this.#replicas?.close()
  }

  openFeed(settings: FeedSettings): RevocationFeed {
    return new RedisFeed(this.#redis, this.#keys.feed, settings)
  }
}
