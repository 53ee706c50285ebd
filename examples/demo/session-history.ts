import { randomBytes } from 'node:crypto'

/** An event of a session. Never contains a token. */
export interface HistoryEvent {
  /** Number of the event in its session, from 1. */
  n: number
  /** `resumed`: the session was created before this process started. */
  type: 'created' | 'resumed' | 'rotated' | 'replayed' | 'copied' | 'reused' | 'revoked'
  /** The current generation. For `copied` and `reused`, the generation that the attacker copied. */
  gen: number
  reason?: string
}

interface History {
  key: string
  events: HistoryEvent[]
}

const MAX_SESSIONS = 200
const MAX_EVENTS = 100

/** Records the events of each session. A page reads them with a random key instead of an access token. */
export class SessionHistory {
  readonly #histories = new Map<string, History>()
  readonly #sids = new Map<string, string>()

  add(sid: string, event: Omit<HistoryEvent, 'n'>): void {
    const { events } = this.#historyOf(sid)
    events.push({ n: (events.at(-1)?.n ?? 0) + 1, ...event })
    if (events.length > MAX_EVENTS) events.shift()
  }

  /** Returns the key that reads the history of a session. */
  keyOf(sid: string, gen: number): string {
    const { key, events } = this.#historyOf(sid)
    if (events.length === 0) this.add(sid, { type: 'resumed', gen })
    return key
  }

  sidOf(key: string): string | undefined {
    return this.#sids.get(key)
  }

  of(sid: string): HistoryEvent[] {
    return this.#histories.get(sid)?.events ?? []
  }

  currentGeneration(sid: string): number {
    return this.of(sid).at(-1)?.gen ?? 1
  }

  copiedGeneration(sid: string): number | undefined {
    return this.of(sid).findLast(({ type }) => type === 'copied')?.gen
  }

  #historyOf(sid: string): History {
    const existing = this.#histories.get(sid)
    if (existing) return existing
    const history = { key: randomBytes(16).toString('base64url'), events: [] }
    this.#histories.set(sid, history)
    this.#sids.set(history.key, sid)
    if (this.#histories.size > MAX_SESSIONS) this.#deleteOldest()
    return history
  }

  #deleteOldest(): void {
    const [oldest] = this.#histories
    if (!oldest) return
    this.#histories.delete(oldest[0])
    this.#sids.delete(oldest[1].key)
  }
}
