import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import {
  MemoryStore,
  type MemoryStoreOptions,
  type NewSession,
  type Refresh,
  type RevocationReason,
  type SessionStore,
  type SparedSessions
} from 'fastify-refresh-token'

type Change = 'create' | 'rotate' | 'confirm' | 'revoke' | 'revokeAll'

/**
 * Sessions that survive a restart, for one process: in memory, and in a file every call that changes them,
 * with its time. What is read back in that order comes to the same sessions. No token can be made of it.
 * The file only grows: a store for more than a few users would write it anew now and then.
 */
export class JournalStore implements SessionStore {
  readonly #path: string
  readonly #now: () => number
  #nowMs = 0
  readonly #memory = new MemoryStore({ now: () => this.#nowMs })
  #written: Promise<void> = Promise.resolve()

  constructor(path: string, { now = Date.now }: MemoryStoreOptions = {}) {
    this.#path = path
    this.#now = now
    for (const line of readLines(path)) {
      const [nowMs, change, args] = JSON.parse(line) as [number, Change, unknown[]]
      this.#nowMs = nowMs
      Reflect.apply(this.#memory[change], this.#memory, args)
    }
  }

  create(...args: [NewSession]) {
    return this.#record('create', args, (memory) => memory.create(...args))
  }

  rotate(...args: [Refresh]) {
    return this.#record('rotate', args, (memory) => memory.rotate(...args))
  }

  confirm(...args: [sid: string, gen: number]) {
    return this.#record('confirm', args, (memory) => memory.confirm(...args))
  }

  revoke(...args: [sid: string, reason: RevocationReason, operation: string]) {
    return this.#record('revoke', args, (memory) => memory.revoke(...args))
  }

  revokeAll(...args: [sub: string, reason: RevocationReason, operation: string, spare: SparedSessions]) {
    return this.#record('revokeAll', args, (memory) => memory.revokeAll(...args))
  }

  get = (sid: string) => this.#at().get(sid)
  has = (sid: string) => this.#at().has(sid)
  list = (sub: string) => this.#at().list(sub)
  now = () => this.#at().now()
  openFeed: MemoryStore['openFeed'] = (settings) => this.#memory.openFeed(settings)

  /** The memory, at the time of this call. */
  #at(): MemoryStore {
    this.#nowMs = this.#now()
    return this.#memory
  }

  /**
   * A change happens at once, and is answered when it is in the file, and all before it. Where that fails,
   * this call and all later ones throw, which is a 503: nothing is answered that a restart would undo.
   */
  async #record<T>(change: Change, args: unknown[], make: (memory: MemoryStore) => Promise<T>): Promise<T> {
    const outcome = make(this.#at())
    const line = `${JSON.stringify([this.#nowMs, change, args])}\n`
    this.#written = this.#written.then(() => appendFile(this.#path, line, { flush: true, mode: 0o600 }))
    await this.#written
    return outcome
  }
}

/** Without a last one that breaks off: the process ended before it was answered. */
function readLines(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole !== text) writeFileSync(path, whole)
  return whole.split('\n').slice(0, -1)
}
