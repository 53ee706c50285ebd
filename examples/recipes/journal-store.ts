import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import {
  MemoryStore,
  type MemoryStoreOptions,
  type NewSession,
  type Refresh,
  type RevocationReason,
  type RevokeAllFilter,
  type SessionChange,
  type SessionStore
} from 'fastify-refresh-token'

type Change = 'create' | 'rotate' | 'confirm' | 'update' | 'revoke' | 'revokeAll'

/**
 * A store for one process that keeps its sessions in memory. It appends each call that changes a session to a file, with
 * the time of the call. After a restart it repeats these calls in the same order. The file contains no token and nothing
 * from which a token can be created. The file only grows. A store for many users would rewrite it from time to time.
 */
export class JournalStore implements SessionStore {
  readonly #path: string
  readonly #now: () => number
  #nowMs = 0
  readonly #sessions = new MemoryStore({ now: () => this.#nowMs })
  #written: Promise<void> = Promise.resolve()

  constructor(path: string, { now = Date.now }: MemoryStoreOptions = {}) {
    this.#path = path
    this.#now = now
    for (const line of readLines(path)) {
      const [nowMs, change, args] = JSON.parse(line) as [number, Change, unknown[]]
      this.#nowMs = nowMs
      Reflect.apply(this.#sessions[change], this.#sessions, args)
    }
  }

  create(...args: [NewSession]) {
    return this.#record('create', args, (sessions) => sessions.create(...args))
  }

  rotate(...args: [Refresh]) {
    return this.#record('rotate', args, (sessions) => sessions.rotate(...args))
  }

  confirm(...args: [sid: string, gen: number]) {
    return this.#record('confirm', args, (sessions) => sessions.confirm(...args))
  }

  update(...args: [sid: string, change: SessionChange]) {
    return this.#record('update', args, (sessions) => sessions.update(...args))
  }

  revoke(...args: [sids: readonly string[], reason: RevocationReason, idempotencyKey: string]) {
    return this.#record('revoke', args, (sessions) => sessions.revoke(...args))
  }

  revokeAll(
    ...args: [sub: string, reason: RevocationReason, idempotencyKey: string, filter: RevokeAllFilter]
  ) {
    return this.#record('revokeAll', args, (sessions) => sessions.revokeAll(...args))
  }

  get = (sid: string) => this.#setTime().get(sid)
  has = (sid: string) => this.#setTime().has(sid)
  list = (sub: string) => this.#setTime().list(sub)
  now = () => this.#setTime().now()
  openFeed: MemoryStore['openFeed'] = (settings) => this.#sessions.openFeed(settings)

  /** Sets the time of the call, and returns the sessions. */
  #setTime(): MemoryStore {
    this.#nowMs = this.#now()
    return this.#sessions
  }

  /**
   * Changes the sessions, and resolves when the file contains this change and all earlier ones. If a write fails, this
   * call and all later calls reject, which becomes a 503. So a restart cannot undo a change that was confirmed.
   */
  async #record<T>(
    change: Change,
    args: unknown[],
    apply: (sessions: MemoryStore) => Promise<T>
  ): Promise<T> {
    const outcome = apply(this.#setTime())
    const line = `${JSON.stringify([this.#nowMs, change, args])}\n`
    this.#written = this.#written.then(() => appendFile(this.#path, line, { flush: true, mode: 0o600 }))
    await this.#written
    return outcome
  }
}

/** Reads the complete lines. Removes an incomplete last line, because its call was never confirmed. */
function readLines(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const complete = text.slice(0, text.lastIndexOf('\n') + 1)
  if (complete !== text) writeFileSync(path, complete)
  return complete.split('\n').slice(0, -1)
}
