import type { RedisClient } from '../../../types/redis-client.js'
import type { FeedSettings, RevocationFeed } from '../../../types/revocation-feed.js'
import type { RevocationReason, Session } from '../../../types/session.js'
import type {
  CreateOutcome,
  DurableWrite,
  MasterWatchSettings,
  NewSession,
  Refresh,
  RefreshOutcome,
  RevokeAllFilter,
  SessionChange,
  SessionStore
} from '../../../types/session-store.js'
import { tagIn, tagOf } from '../../tokens/session-id.js'
import { createIdempotencyKey } from '../../utils/random.js'
import { toChangedLines, toTexts } from '../session-serialization.js'
import { evictionWarnings } from './eviction-policy.js'
import { failoverWarnings } from './failover/failover-warnings.js'
import type { Fence } from './failover/fence.js'
import { watchMaster } from './failover/master-watch.js'
import { RedisFeed } from './feed/redis-feed.js'
import { createKeys, type Keys } from './keys.js'
import type { WriteCheck } from './replication/replica-wait.js'
import { Replication } from './replication/replication.js'
import { readSession, toCreateOutcome, toListedSession, toRefreshOutcome, toSessions } from './replies.js'
import { type BinaryClient, requireBinary, runBinaryScript, runScript, type Script } from './run-script.js'
import { confirmScript } from './scripts/confirm.js'
import { createScript } from './scripts/create.js'
import { FLAGS } from './scripts/layout.js'
import { getScript, hasScript, listScript, nowScript } from './scripts/read.js'
import { revokeScript } from './scripts/revoke.js'
import { revokeAllScript } from './scripts/revoke-all.js'
import { rotateBoundScript, rotateScript } from './scripts/rotate.js'
import { updateScript } from './scripts/update.js'

export interface RedisStoreOptions {
  /** An ioredis `Redis` or `Cluster` for Redis 6.2 or later. The store never closes it. */
  redis: RedisClient
  /** @default 'frt:' */
  keyPrefix?: string
  /**
   * How many replicas of a master must acknowledge a write that `waitForReplicas` is called for (`WAIT`).
   * @default 0
   */
  replicas?: number
  /**
   * How long to wait for the replicas, in milliseconds.
   * @default 2000
   */
  replicaTimeoutMs?: number
  /**
   * Whether to reconnect the client if it stays on a master that Sentinel has replaced, or on a server that is gone.
   * @default true
   */
  reconnectOnFailover?: boolean
}

/** Stores sessions in Redis. Each method runs one script in one round trip and uses the clock of Redis. */
export class RedisStore implements SessionStore {
  readonly #redis: BinaryClient
  readonly #keys: Keys
  /** `null` if no write waits for replicas. */
  readonly #replication: Replication | null
  readonly #reconnectOnFailover: boolean
  /** Each feed and each watch of this store has one. */
  readonly #fences = new Set<Fence>()

  constructor({
    redis,
    keyPrefix = 'frt:',
    replicas = 0,
    replicaTimeoutMs = 2000,
    reconnectOnFailover = true
  }: RedisStoreOptions) {
    this.#redis = requireBinary(redis)
    this.#reconnectOnFailover = reconnectOnFailover
    this.#keys = createKeys(keyPrefix)
    this.#replication =
      replicas > 0 ? new Replication(redis, { replicas, timeoutMs: replicaTimeoutMs }) : null
  }

  create(session: NewSession): Promise<CreateOutcome> {
    const { sid, sub, ttlMs, ownIdleMs, remember, maxPerUser, evicts, replaces, deadlineMs = '' } = session
    const idleMs = Math.min(session.idleMs, ownIdleMs ?? session.idleMs)
    const flags = (remember ? FLAGS.remember : 0) | (ownIdleMs === undefined ? 0 : FLAGS.ownIdle)
    const { sessions, denylist, results } = this.#keys.ofSession(sid)
    const { identity, requestMetadata } = toTexts(session)
    const keysAndArgs = [
      ...[sessions, results + sid, denylist],
      ...[sid, sub, ttlMs, idleMs, flags, identity, requestMetadata, maxPerUser, Number(evicts), deadlineMs],
      ...replaces
    ]
    return this.#runBinary(createScript, keysAndArgs, (reply) => toCreateOutcome(sid, reply as Buffer[]))
  }

  rotate(refresh: Refresh): Promise<RefreshOutcome> {
    const { sid, gen, issuedUs, graceMs, idleMs, knownRevocation, requestMetadata, idempotencyKey } = refresh
    const { sessions, denylist, usedProofs } = this.#keys.ofSession(sid)
    const { untilConfirmed, rollback, reportReplayable, proof } = refresh
    const sent = requestMetadata && JSON.stringify(requestMetadata)
    const keysAndArgs = [
      ...[sessions, denylist + sid],
      ...(proof ? [usedProofs + proof.id] : []),
      ...[sid, idempotencyKey, sent ?? ''],
      ...[gen, issuedUs, graceMs * 1000, idleMs],
      ...[Number(untilConfirmed), Number(rollback === 'accept'), Number(reportReplayable)]
    ]
    if (proof) keysAndArgs.push(proof.rememberMs, proof.accessTtlMs * 1000)
    if (knownRevocation) keysAndArgs.push(knownRevocation.reason, knownRevocation.expiresAtMs)
    const script = proof ? rotateBoundScript : rotateScript
    return this.#runBinary(script, keysAndArgs, (reply) =>
      toRefreshOutcome(sid, reply as Buffer | null, sent)
    )
  }

  async confirm(sid: string, gen: number): Promise<void> {
    const { sessions, denylist } = this.#keys.ofSession(sid)
    await this.#run(confirmScript, [sessions, denylist + sid, sid, gen])
  }

  update(sid: string, change: SessionChange): Promise<Session | null> {
    const { sessions, denylist } = this.#keys.ofSession(sid)
    const { claims, name, authentication } = toChangedLines(change)
    const lines = [claims, name, authentication].map((line) => (line === undefined ? '' : `=${line}`))
    return this.#runBinary(updateScript, [sessions, denylist + sid, sid, ...lines], (reply) =>
      reply === null ? null : toListedSession(tagIn(sid), reply as Buffer)
    )
  }

  get(sid: string): Promise<Session | null> {
    const { sessions, denylist } = this.#keys.ofSession(sid)
    return this.#runBinary(getScript, [sessions, denylist + sid, sid], (reply) =>
      reply === null ? null : readSession(sid, reply as Buffer)
    )
  }

  async has(sid: string): Promise<boolean> {
    const { sessions, denylist } = this.#keys.ofSession(sid)
    return (await this.#run(hasScript, [sessions, denylist + sid, sid])) === '1'
  }

  async now(sub: string): Promise<number> {
    return Number(await this.#run(nowScript, [this.#keys.ofUser(sub).sessions]))
  }

  list(sub: string): Promise<Session[]> {
    const { sessions } = this.#keys.ofUser(sub)
    return this.#runBinary(listScript, [sessions, sub], (reply) => toSessions(tagOf(sub), reply as Buffer[]))
  }

  async revoke(
    sids: readonly string[],
    reason: RevocationReason,
    idempotencyKey: string
  ): Promise<Session[]> {
    const [sid] = sids
    if (sid === undefined) return []
    const { sessions, denylist, results } = this.#keys.ofSession(sid)
    const keysAndArgs = [sessions, results + idempotencyKey, denylist, reason, ...sids]
    return this.#runBinary(revokeScript, keysAndArgs, (reply) => toSessions(tagIn(sid), reply as Buffer[]))
  }

  revokeAll(
    sub: string,
    reason: RevocationReason,
    idempotencyKey: string,
    { except = '', createdUntilMs }: RevokeAllFilter
  ): Promise<Session[]> {
    const { sessions, denylist, results } = this.#keys.ofUser(sub)
    const keys = [sessions, results + idempotencyKey, denylist]
    const tag = tagOf(sub)
    const keysAndArgs = [...keys, sub, tag, reason, except, createdUntilMs]
    return this.#runBinary(revokeAllScript, keysAndArgs, (reply) => toSessions(tag, reply as Buffer[]))
  }

  async waitForReplicas(write: DurableWrite): Promise<RevocationReason | undefined> {
    const [sids, minGen] = 'revoked' in write ? [write.revoked, 0] : [[write.sid], write.gen]
    const [sid] = sids
    const replication = this.#replication
    if (!replication || sid === undefined) return undefined
    const { sessions, replicationMarker, denylist } = this.#keys.ofSession(sid)
    const keys: WriteCheck['keys'] = [sessions, replicationMarker, denylist]
    this.#rejectIfSplit()
    const reply = await this.#verify(await replication.wait({ keys, args: [String(minGen), ...sids] }))
    const [result, reason] = reply as [string, RevocationReason?]
    if (result === 'undone') throw new Error('a failover has undone the write')
    return reason
  }

  /** Omits the warnings whose settings the Redis user may not read. */
  async warnings(): Promise<string[]> {
    const checks = [evictionWarnings(this.#redis), failoverWarnings(this.#redis)]
    const results = await Promise.allSettled(checks)
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  }

  close(): void {
    this.#replication?.close()
  }

  openFeed(settings: FeedSettings): RevocationFeed {
    const { pulseKey, ...options } = this.#masterGuardOptions()
    const keys = { stream: this.#keys.feed, pulse: pulseKey }
    const onClose = () => this.#fences.delete(feed.fence)
    const feed = new RedisFeed({ ...options, keys, onClose }, settings)
    // A Cluster has many masters, and the feed compares only one of them.
    if (!this.#redis.isCluster) this.#fences.add(feed.fence)
    return feed
  }

  /** Does nothing for a Cluster, which has many masters. */
  watchMaster(settings: MasterWatchSettings): () => void {
    if (this.#redis.isCluster) return () => {}
    const { fence, close } = watchMaster(this.#masterGuardOptions(), settings)
    this.#fences.add(fence)
    return () => {
      this.#fences.delete(fence)
      close()
    }
  }

  #masterGuardOptions() {
    return {
      redis: this.#redis,
      pulseKey: this.#keys.pulse + createIdempotencyKey(),
      reconnectOnFailover: this.#reconnectOnFailover,
      onMustReconnect: () => this.#replication?.reconnect()
    }
  }

  async #run(script: Script, keysAndArgs: (string | number)[]): Promise<unknown> {
    this.#rejectIfSplit()
    return this.#verify(await runScript(this.#redis, script, keysAndArgs))
  }

  /** @throws at once if the client is on a master that was replaced */
  #runBinary<T>(script: Script, keysAndArgs: (string | number)[], read: (reply: unknown) => T): Promise<T> {
    this.#rejectIfSplit()
    return runBinaryScript(this.#redis, script, keysAndArgs, (reply) =>
      this.#areFencesOpen() ? read(reply) : this.#verify(reply).then(read)
    )
  }

  #rejectIfSplit(): void {
    for (const fence of this.#fences) fence.rejectIfSplit()
  }

  #areFencesOpen(): boolean {
    for (const fence of this.#fences) if (!fence.isOpen) return false
    return true
  }

  /** Rejects a reply of a master that was replaced: what it wrote there would be lost. */
  async #verify(reply: unknown): Promise<unknown> {
    for (const fence of this.#fences) if (!fence.isOpen) await fence.verify(reply)
    return reply
  }
}
