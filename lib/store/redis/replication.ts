import type { RedisClient } from '../../../types/redis-client.js'
import { withTimeout } from '../../utils/timeout.js'
import { type DedicatedConnection, duplicateForBlocking } from './dedicated-connection.js'
import { isNoScript } from './run-script.js'
import { checkWrittenScript } from './scripts/check-written.js'

/** More waiting calls mean that the replicas do not keep up. Further calls then fail at once, so that no queue builds up. */
const MAX_WAITING = 1000

type Reply = [Error | null, unknown]

/** The check of one caller. */
interface Check {
  keys: [sessions: string, marker: string]
  args: string[]
}

/** Checks that share one `WAIT`. */
interface Batch {
  checks: Check[]
  /** The reply to each check, and then the reply to `WAIT`. */
  replies: Promise<Reply[]>
}

/**
 * Waits until replicas have acknowledged writes (`WAIT`). `WAIT` blocks its connection, so it has a dedicated one: a lagging
 * replica must not delay other calls. Calls that arrive during a `WAIT` share the next one.
 */
export class Replication {
  readonly #redis: RedisClient
  readonly #replicas: number
  readonly #timeoutMs: number
  #connection: DedicatedConnection | null = null
  #isClosed = false
  #waiting = 0
  /** The batch that is sent as soon as the last one has its replies. */
  #next: Batch | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param replicas how many replicas of the master that holds the key must acknowledge */
  constructor(redis: RedisClient, replicas: number, timeoutMs: number) {
    this.#redis = redis
    this.#replicas = replicas
    this.#timeoutMs = timeoutMs
  }

  /**
   * Resolves once enough replicas have the writes to these sessions.
   * @param minGen the generation that the sessions have reached, or 0 if they are revoked
   * @throws if a failover undid a write, or if too few replicas acknowledged in time
   */
  async wait(keys: Check['keys'], minGen: number, sids: string[]): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`more than ${MAX_WAITING} calls wait for replicas`)
    this.#waiting++
    try {
      const [isWritten, acknowledged] = await this.#checkAndWait({ keys, args: [String(minGen), ...sids] })
      if (isWritten !== 1)
        throw new Error(minGen > 0 ? 'a write was undone' : 'a revoked session exists again')
      if (acknowledged < this.#replicas)
        throw new Error(`${acknowledged} of ${this.#replicas} replicas acknowledged in time`)
    } finally {
      this.#waiting--
    }
  }

  /** Closes the connection, which may lead to a replaced master. The next call opens a new one. */
  reconnect(): void {
    this.#connection?.disconnect()
    this.#connection = null
  }

  close(): void {
    this.#isClosed = true
    this.reconnect()
  }

  async #checkAndWait(check: Check): Promise<[isWritten: number, acknowledged: number]> {
    // The keys of a Cluster pipeline must be on one master.
    const { checks, replies } = this.#redis.isCluster ? this.#singleBatch() : this.#nextBatch()
    const position = checks.push(check) - 1
    const all = await replies
    return [toCount(all[position]), toCount(all.at(-1))]
  }

  #singleBatch(): Batch {
    const checks: Check[] = []
    return { checks, replies: Promise.resolve().then(() => this.#send(checks)) }
  }

  /** Returns the batch that is sent when the last one has its replies. */
  #nextBatch(): Batch {
    if (this.#next) return this.#next
    const checks: Check[] = []
    const replies = this.#last.then(() => {
      this.#next = undefined
      return this.#send(checks)
    })
    this.#last = replies.catch(() => {})
    this.#next = { checks, replies }
    return this.#next
  }

  async #send(checks: Check[]): Promise<Reply[]> {
    if (this.#isClosed) throw new Error('the store was closed')
    const connection = this.#connection ?? duplicateForBlocking(this.#redis, this.#timeoutMs)
    this.#connection = connection
    try {
      const replies = await this.#sendPipeline(connection, checks)
      toCount(replies.at(-1))
      return replies
    } catch (error) {
      // The connection is lost, or its server hangs or is no longer the master.
      if (this.#connection === connection) this.reconnect()
      throw error
    }
  }

  /** Sends the checks and `WAIT` as one pipeline, so that a Cluster sends all to the master that holds the keys. */
  async #sendPipeline(connection: DedicatedConnection, checks: Check[]): Promise<Reply[]> {
    const send = (command: 'evalsha' | 'eval', script: string) => {
      const pipeline = connection.pipeline()
      for (const { keys, args } of checks) pipeline[command](script, keys.length, ...keys, ...args)
      const replies = pipeline.wait(this.#replicas, this.#timeoutMs).exec()
      const limitMs = 2 * this.#timeoutMs
      return withTimeout(replies, limitMs, () => new Error(`no reply to WAIT within ${limitMs} ms`))
    }
    const replies = await send('evalsha', checkWrittenScript.sha1)
    return isNoScript(replies[0]?.[0]) ? send('eval', checkWrittenScript.source) : replies
  }
}

/** @throws the error of the reply */
function toCount(reply: Reply | undefined): number {
  const [error, value] = reply as Reply
  if (error) throw error
  return Number(value)
}
