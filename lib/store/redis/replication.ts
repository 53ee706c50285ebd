import type { RedisClient } from '../../../types/redis-client.js'
import { type DedicatedConnection, duplicateForBlocking } from './dedicated-connection.js'
import { isNoScript } from './run-script.js'
import { checkEndedScript } from './scripts/check-revoked.js'

/**
 * More than so many at a time means that the replicas do not follow: then they fail at once, for a line
 * that grows by the second helps nobody.
 */
const MAX_WAITING = 1000

type Answers = [Error | null, unknown][]

/**
 * Waits until replicas have what was written (`WAIT`). That blocks the connection it is sent on, so it has
 * one of its own: a replica that lags must not hold up refreshes.
 */
export class Replicas {
  readonly #redis: RedisClient
  readonly #count: number
  readonly #timeoutMs: number
  #connection: DedicatedConnection | null = null
  #waiting = 0

  /** @param count how many, of the master that the key lies on */
  constructor(redis: RedisClient, count: number, timeoutMs: number) {
    this.#redis = redis
    this.#count = count
    this.#timeoutMs = timeoutMs
  }

  /** Resolves once the replicas know that these sessions have ended; throws where they did not follow in time. */
  async wait(sessionsKey: string, markKey: string, sids: string[]): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new Error('the replicas do not follow')
    this.#waiting++
    try {
      const [ended, followed = 0] = await this.#ask([sessionsKey, markKey], sids)
      if (ended !== 1) throw new Error('a session is back: it has to be ended again')
      if (followed < this.#count) throw new Error(`${followed} of ${this.#count} replicas followed in time`)
    } finally {
      this.#waiting--
    }
  }

  close(): void {
    this.#connection?.disconnect()
    this.#connection = null
  }

  async #ask(keys: string[], sids: string[]): Promise<number[]> {
    this.#connection ??= duplicateForBlocking(this.#redis)
    const answers = await checkAndWait(this.#connection, keys, sids, [this.#count, this.#timeoutMs])
    const failed = answers.find(([error]) => error)
    if (failed) {
      // It is lost, or another master has taken over: the next one starts anew.
      this.close()
      throw failed[0]
    }
    return answers.map(([, answer]) => Number(answer))
  }
}

/** As one pipeline: in a Cluster both go to the master of the keys. */
async function checkAndWait(
  connection: DedicatedConnection,
  keys: string[],
  sids: string[],
  wait: [count: number, timeoutMs: number]
): Promise<Answers> {
  const { sha1, source } = checkEndedScript
  const args = [keys.length, ...keys, ...sids] as const
  const answers = await connection
    .pipeline()
    .evalsha(sha1, ...args)
    .wait(...wait)
    .exec()
  if (!isNoScript(answers[0]?.[0])) return answers
  return connection
    .pipeline()
    .eval(source, ...args)
    .wait(...wait)
    .exec()
}
