import type { RedisClient } from '../../../../types/redis-client.js'
import type { Revocation } from '../../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../../types/session.js'
import { withTimeout } from '../../../utils/timeout.js'
import type { DedicatedConnection } from '../dedicated-connection.js'
import { runScript } from '../run-script.js'
import { addRevocationScript, lastIdScript } from '../scripts/feed.js'

/** Before the first entry. */
export const START = '0-0'

/** How many entries are read at once, at the most. */
export const PAGE = 1000

export interface Entry {
  id: string
  /** The id of the entry before it. */
  previousId: string
  /** Undefined for what is no entry of ours: what it told is not known. */
  revocation: Revocation | undefined
}

/** @returns the id of the new entry */
export async function addEntry(
  redis: RedisClient,
  key: string,
  revocation: Revocation,
  retentionMs: number
): Promise<string> {
  const args = [retentionMs, JSON.stringify(revocation)]
  return (await runScript(redis, addRevocationScript, [key], args)) as string
}

/** The stream, over the reader's own connection. A question that is not answered in time throws. */
export class Stream {
  readonly #connection: DedicatedConnection
  readonly #key: string
  readonly #timeoutMs: number

  constructor(connection: DedicatedConnection, key: string, timeoutMs: number) {
    this.#connection = connection
    this.#key = key
    this.#timeoutMs = timeoutMs
  }

  /** All entries, by the page. */
  async *pages(): AsyncGenerator<Entry[]> {
    let last = START
    for (;;) {
      const page = await this.#read(last, [])
      yield page
      if (page.length < PAGE) return
      last = page.at(-1)?.id as string
    }
  }

  /** The next entries after one; none, if none comes for so long. */
  next(after: string, blockMs: number): Promise<Entry[]> {
    return this.#read(after, ['BLOCK', blockMs])
  }

  /** The id of the last entry. Throws where this is no master: a replica may lag behind. */
  async lastId(): Promise<string> {
    return (await this.#inTime(runScript(this.#connection, lastIdScript, [this.#key], []))) as string
  }

  add(revocation: Revocation, retentionMs: number): Promise<string> {
    return this.#inTime(addEntry(this.#connection, this.#key, revocation, retentionMs))
  }

  async #read(after: string, block: (string | number)[]): Promise<Entry[]> {
    const answer = this.#connection.xread('COUNT', PAGE, ...block, 'STREAMS', this.#key, after)
    const [stream] = ((await this.#inTime(answer)) ?? []) as [unknown, [string, string[]][]][]
    return stream ? stream[1].map(toEntry) : []
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return withTimeout(answer, this.#timeoutMs, () => new Error(`no answer within ${this.#timeoutMs} ms`))
  }
}

/** Whether an id comes after another: both are `<milliseconds>-<number>`. */
export function isLater(id: string, other: string): boolean {
  const [ms = 0, count = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherCount = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && count > otherCount)
}

/** When an entry was added, in milliseconds since the epoch. */
export function timeOf(id: string): number {
  return Number(id.split('-')[0])
}

function toEntry([id, fields]: [string, string[]]): Entry {
  const [, previousId = '', , revocation = ''] = fields
  return { id, previousId, revocation: parse(revocation) }
}

function parse(text: string): Revocation | undefined {
  try {
    const { sids, reason, expiresAtMs } = JSON.parse(text)
    // What another release may have meant is not guessed at. A reason that is not known ends a session, too.
    const isOurs = Array.isArray(sids) && typeof reason === 'string' && typeof expiresAtMs === 'number'
    return isOurs ? { sids, reason: reason as RevocationReason, expiresAtMs } : undefined
  } catch {
    return undefined
  }
}
