import { withTimeout } from '../../../utils/timeout.js'
import type { DedicatedConnection } from '../dedicated-connection.js'
import { isNoScript } from '../run-script.js'
import { checkWrittenScript } from '../scripts/check-written.js'

/** More waiting calls mean that the replicas do not keep up. Further calls then fail at once, so that no queue builds up. */
const MAX_WAITING = 1000

/** The arguments of the script that checks the write of one caller. */
export interface WriteCheck {
  keys: [sessions: string, marker: string, denylist: string]
  args: string[]
}

export interface ReplicaWaitSettings {
  connect(): DedicatedConnection
  /** How many replicas must acknowledge. */
  replicas: number
  timeoutMs: number
}

type Reply = [Error | null, unknown]

/** Checks that share one `WAIT`. */
interface Batch {
  checks: WriteCheck[]
  /** The reply to each check, and then the reply to `WAIT`. */
  replies: Promise<Reply[]>
}

/**
 * Waits for the replicas of one master (`WAIT`). `WAIT` blocks its connection, so it has a dedicated one: a lagging replica
 * must not delay other calls. Calls that arrive during a `WAIT` share the next one.
 */
export class ReplicaWait {
  readonly #settings: ReplicaWaitSettings
  #connection: DedicatedConnection | null = null
  #waiting = 0
  /** The batch that is sent as soon as the last one has its replies. */
  #next: Batch | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: ReplicaWaitSettings) {
    this.#settings = settings
  }

  /**
   * Resolves once the check was made and enough replicas have all writes before it.
   * @returns the reply to the check
   * @throws if the check failed, or if too few replicas acknowledged in time
   */
  async wait(check: WriteCheck): Promise<unknown> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`more than ${MAX_WAITING} calls wait for replicas`)
    this.#waiting++
    try {
      const { replicas } = this.#settings
      const { checks, replies } = this.#nextBatch()
      const position = checks.push(check) - 1
      const all = await replies
      const written = valueIn(all[position])
      const acknowledged = Number(valueIn(all.at(-1)))
      if (acknowledged < replicas)
        throw new Error(`${acknowledged} of ${replicas} replicas acknowledged in time`)
      return written
    } finally {
      this.#waiting--
    }
  }

  /** Closes the connection. The next call opens a new one. */
  disconnect(): void {
    this.#connection?.disconnect()
    this.#connection = null
  }

  #nextBatch(): Batch {
    if (this.#next) return this.#next
    const checks: WriteCheck[] = []
    const replies = this.#last.then(() => {
      this.#next = undefined
      return this.#send(checks)
    })
    this.#last = replies.catch(() => {})
    this.#next = { checks, replies }
    return this.#next
  }

  async #send(checks: WriteCheck[]): Promise<Reply[]> {
    const connection = this.#connection ?? this.#settings.connect()
    this.#connection = connection
    try {
      const replies = await this.#sendPipeline(connection, checks)
      valueIn(replies.at(-1))
      if (replies.some(([error]) => isMoved(error))) this.disconnect()
      return replies
    } catch (error) {
      // The connection is lost, or its server hangs or is no longer a master.
      this.disconnect()
      throw error
    }
  }

  /** Sends the checks and `WAIT` in one pipeline. If Redis has not cached the script, sends its source with the first check. */
  async #sendPipeline(connection: DedicatedConnection, checks: WriteCheck[]): Promise<Reply[]> {
    const { replicas, timeoutMs } = this.#settings
    const { sha1, source } = checkWrittenScript
    const send = (isCached: boolean) => {
      const pipeline = connection.pipeline()
      for (const [i, { keys, args }] of checks.entries()) {
        if (isCached || i > 0) pipeline.evalsha(sha1, keys.length, ...keys, ...args)
        else pipeline.eval(source, keys.length, ...keys, ...args)
      }
      const replies = pipeline.wait(replicas, timeoutMs).exec()
      const limitMs = 2 * timeoutMs
      return withTimeout(replies, limitMs, () => new Error(`no reply to WAIT within ${limitMs} ms`))
    }
    const replies = await send(true)
    return isNoScript(replies[0]?.[0]) ? send(false) : replies
  }
}

/** Returns whether another master of a Cluster holds the key now. */
function isMoved(error: Error | null): boolean {
  return error?.message.startsWith('MOVED') ?? false
}

/** @throws the error of the reply */
function valueIn(reply: Reply | undefined): unknown {
  const [error, value] = reply as Reply
  if (error) throw error
  return value
}
