import type { RedisClient } from '../../../types/redis-client.js'
import { type DedicatedConnection, duplicateForBlocking } from './dedicated-connection.js'
import { isNoScript } from './run-script.js'
import { checkRevokedScript } from './scripts/check-revoked.js'

/** More waiting calls mean that the replicas do not keep up. Further calls then fail at once, so that no queue builds up. */
const MAX_WAITING = 1000

type Replies = [Error | null, unknown][]

/**
 * Waits until replicas have acknowledged a revocation (`WAIT`). `WAIT` blocks its connection, so it has a dedicated one: a
 * lagging replica must not delay refreshes.
 */
export class Replication {
  readonly #redis: RedisClient
  readonly #replicas: number
  readonly #timeoutMs: number
  #connection: DedicatedConnection | null = null
  #waiting = 0

  /** @param replicas how many replicas of the master that holds the key must acknowledge */
  constructor(redis: RedisClient, replicas: number, timeoutMs: number) {
    this.#redis = redis
    this.#replicas = replicas
    this.#timeoutMs = timeoutMs
  }

  /**
   * Resolves once enough replicas have the revocation of these sessions.
   * @throws if a session exists again, or if too few replicas acknowledged in time
   */
  async wait(sessionsKey: string, markerKey: string, sids: string[]): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`more than ${MAX_WAITING} calls wait for replicas`)
    this.#waiting++
    try {
      const [revoked, acknowledged = 0] = await this.#checkAndWait([sessionsKey, markerKey], sids)
      if (revoked !== 1) throw new Error('a revoked session exists again')
      if (acknowledged < this.#replicas)
        throw new Error(`${acknowledged} of ${this.#replicas} replicas acknowledged in time`)
    } finally {
      this.#waiting--
    }
  }

  close(): void {
    this.#connection?.disconnect()
    this.#connection = null
  }

  async #checkAndWait(keys: string[], sids: string[]): Promise<number[]> {
    const connection = this.#connection ?? duplicateForBlocking(this.#redis, this.#timeoutMs)
    this.#connection = connection
    const replies = await sendPipeline(connection, keys, sids, [this.#replicas, this.#timeoutMs])
    const failed = replies.find(([error]) => error)
    if (failed) {
      // The connection is lost, or its server is no longer the master. The next call opens a new connection.
      if (this.#connection === connection) this.close()
      throw failed[0]
    }
    return replies.map(([, reply]) => Number(reply))
  }
}

/** Sends the check and `WAIT` as one pipeline, so that a Cluster sends both to the master that holds the keys. */
async function sendPipeline(
  connection: DedicatedConnection,
  keys: string[],
  sids: string[],
  wait: [replicas: number, timeoutMs: number]
): Promise<Replies> {
  const { sha1, source } = checkRevokedScript
  const args = [keys.length, ...keys, ...sids] as const
  const replies = await connection
    .pipeline()
    .evalsha(sha1, ...args)
    .wait(...wait)
    .exec()
  if (!isNoScript(replies[0]?.[0])) return replies
  return connection
    .pipeline()
    .eval(source, ...args)
    .wait(...wait)
    .exec()
}
