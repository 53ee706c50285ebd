import type { RedisClient } from '../../../../types/redis-client.js'
import type { Revocation } from '../../../../types/revocation-feed.js'
import type { RevocationReason } from '../../../../types/session.js'
import { withTimeout } from '../../../utils/timeout.js'
import type { DedicatedConnection } from '../dedicated-connection.js'
import { runScript } from '../run-script.js'
import { addRevocationScript, readStateScript } from '../scripts/feed.js'

/** The id before the first entry. */
export const START = '0-0'

/** The maximum number of entries per read. */
export const PAGE = 1000

export interface Entry {
  id: string
  /** The id of the entry before it. */
  previousId: string
  /** Undefined if the entry cannot be parsed. Its revocation is then unknown. */
  revocation: Revocation | undefined
}

/** What one call reads about the server of the connection. */
export interface StreamState {
  /** The id of the last entry. */
  lastId: string
  /** The last pulse of this process, or 0. */
  pulse: number
}

export interface StreamKeys {
  stream: string
  /** The pulse of this process. */
  pulse: string
}

/** @returns the id of the new entry */
export async function addEntry(
  redis: RedisClient,
  key: string,
  revocation: Revocation,
  retentionMs: number
): Promise<string> {
  const keyAndArgs = [key, retentionMs, JSON.stringify(revocation)]
  return (await runScript(redis, addRevocationScript, keyAndArgs)) as string
}

/**
 * The stream, on the dedicated connection of the reader. Each call throws if Redis does not reply in time. No call keeps the
 * process alive.
 */
export class Stream {
  readonly #connection: DedicatedConnection
  readonly #keys: StreamKeys
  readonly #timeoutMs: number

  constructor(connection: DedicatedConnection, keys: StreamKeys, timeoutMs: number) {
    this.#connection = connection
    this.#keys = keys
    this.#timeoutMs = timeoutMs
  }

  /** Returns all entries, in pages. */
  async *pages(): AsyncGenerator<Entry[]> {
    let lastId = START
    for (;;) {
      const page = await this.#read(lastId, [])
      yield page
      if (page.length < PAGE) return
      lastId = page.at(-1)?.id as string
    }
  }

  /** Waits up to `blockMs` for the entries after an id. Returns an empty array if there are none. */
  next(afterId: string, blockMs: number): Promise<Entry[]> {
    return this.#read(afterId, ['BLOCK', blockMs])
  }

  /** Throws if the server is not a master, because a replica may lag. */
  async state(): Promise<StreamState> {
    const { stream, pulse } = this.#keys
    const reply = await this.#withTimeout(runScript(this.#connection, readStateScript, [stream, pulse]))
    const [lastId, counter] = reply as [string, string]
    return { lastId, pulse: Number(counter) }
  }

  add(revocation: Revocation, retentionMs: number): Promise<string> {
    return this.#withTimeout(addEntry(this.#connection, this.#keys.stream, revocation, retentionMs))
  }

  async #read(afterId: string, block: (string | number)[]): Promise<Entry[]> {
    const reply = this.#connection.xread('COUNT', PAGE, ...block, 'STREAMS', this.#keys.stream, afterId)
    const [stream] = ((await this.#withTimeout(reply)) ?? []) as [unknown, [string, string[]][]][]
    return stream ? stream[1].map(toEntry) : []
  }

  #withTimeout<T>(reply: Promise<T>): Promise<T> {
    const onTimeout = () => new Error(`no reply within ${this.#timeoutMs} ms`)
    return withTimeout(reply, this.#timeoutMs, onTimeout, false)
  }
}

/** Returns whether an id comes after another. Both have the form `<milliseconds>-<number>`. */
export function isLater(id: string, other: string): boolean {
  const [ms = 0, count = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherCount = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && count > otherCount)
}

/** Returns when an entry was added, in milliseconds since the epoch. */
export function timeOf(id: string): number {
  return Number(id.split('-')[0])
}

function toEntry([id, fields]: [string, string[]]): Entry {
  const [, previousId = '', , revocation = ''] = fields
  return { id, previousId, revocation: parseRevocation(revocation) }
}

/** Accepts unknown reasons, because they also revoke a session. Rejects every other format, for example a later one. */
function parseRevocation(text: string): Revocation | undefined {
  try {
    const { sids, reason, expiresAtMs } = JSON.parse(text)
    const isValid = Array.isArray(sids) && typeof reason === 'string' && typeof expiresAtMs === 'number'
    return isValid ? { sids, reason: reason as RevocationReason, expiresAtMs } : undefined
  } catch {
    return undefined
  }
}
