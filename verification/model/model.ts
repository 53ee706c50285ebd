/**
 * A plain model of the rule, written from its ten rows and not from the code. It keeps what the plugin forgets:
 * every generation's beginning. Times are microseconds.
 */
export const GRACE = 30_000_000
export const IDLE = 14 * 24 * 3600 * 1_000_000
export const MAX_PER_USER = 3

export interface ModelSession {
  sid: string
  sub: string
  gen: number
  created: number
  expires: number
  /** The time of issue of the last copy, since `created`. */
  lastCopy: number
  /** How each generation was minted: when, and from which copy of the one before. */
  births: Map<number, { at: number; from: number }>
  /** When each generation was proved to be in its client's hands. */
  proved: Map<number, number>
}

/** What the store holds: a failover takes it back to an earlier one. */
export interface ModelStore {
  sessions: Map<string, ModelSession>
  blacklist: Map<string, Ended>
}

export interface Ended {
  reason: string
  /** Until when a token of the session could have lived. */
  until: number
}

export type Verdict =
  | { outcome: 'rotated' | 'replayed'; row: number; gen: number; copy: number }
  | { outcome: 'reuse' | 'rollback'; row: number }
  | { outcome: 'revoked'; reason: string }
  | { outcome: 'unknown' }

export class Model {
  now: number
  store: ModelStore = { sessions: new Map(), blacklist: new Map() }

  constructor(now: number) {
    this.now = now
  }

  alive(sid: string): ModelSession | undefined {
    const session = this.store.sessions.get(sid)
    return session && session.expires > this.now ? session : undefined
  }

  /** Oldest first. */
  sessionsOf(sub: string): ModelSession[] {
    return [...this.store.sessions.values()].filter(
      (session) => session.sub === sub && session.expires > this.now
    )
  }

  /** @returns what is evicted for it */
  login(sid: string, sub: string, replaced: readonly string[]): [string, Ended][] {
    const { now } = this
    this.store.sessions.set(sid, {
      ...{ sid, sub, gen: 1, created: now, expires: now + IDLE, lastCopy: 0 },
      births: new Map(),
      proved: new Map([[1, now]])
    })
    const counted = this.sessionsOf(sub).filter((session) => !replaced.includes(session.sid))
    return counted
      .slice(0, Math.max(0, counted.length - MAX_PER_USER))
      .map((old) => [old.sid, this.end(old.sid, 'evicted') as Ended])
  }

  /** @returns undefined where there was none to end */
  end(sid: string, reason: string): Ended | undefined {
    const session = this.alive(sid)
    if (!session) return undefined
    const ended = { reason, until: session.expires }
    this.store.sessions.delete(sid)
    this.store.blacklist.set(sid, ended)
    return ended
  }

  prove(sid: string, gen: number): void {
    const session = this.alive(sid)
    if (session?.gen === gen && !session.proved.has(gen)) session.proved.set(gen, this.now)
  }

  /** @param known what the process knows of the session's end */
  refresh(sid: string, gen: number, copy: number, known: Ended | undefined): Verdict {
    const { blacklist } = this.store
    const entry = blacklist.get(sid)
    const listed = entry && entry.until > this.now ? entry : undefined
    const ended = listed ?? known
    if (ended) {
      // What a failover brought back ends once more, and what it lost is written again.
      if (!this.end(sid, ended.reason)) blacklist.set(sid, ended)
      return { outcome: 'revoked', reason: ended.reason }
    }
    const session = this.alive(sid)
    if (!session) return { outcome: 'unknown' }
    const row = this.rowOf(session, gen, copy)
    switch (row) {
      case 3:
        this.prove(sid, gen)
        return { outcome: 'replayed', row, gen, copy }
      case 5:
      case 8:
        return { outcome: 'reuse', row }
      case 10:
        return { outcome: 'rollback', row }
      case 6:
      case 7:
        return { outcome: 'replayed', row, gen: session.gen, copy: this.#nextCopy(session) }
      default:
        return { outcome: 'rotated', row, gen: gen + 1, copy: this.#rotate(session, gen, copy) }
    }
  }

  rowOf(session: ModelSession, gen: number, copy: number): number {
    const { births, proved } = session
    if (gen > session.gen) return gen === session.gen + 1 ? 9 : 10
    if (gen === session.gen) {
      const birth = births.get(gen)
      const since =
        proved.get(gen) ?? Math.max(birth?.at ?? 0, Math.min(this.now, session.created + session.lastCopy))
      return birth && this.now - since < 3 * GRACE ? 3 : 4
    }
    // Of all that it knows, the rule asks for the last two rotations alone.
    if (session.gen - gen > 2) return 8
    const successor = births.get(gen + 1)
    const isAnother = successor !== undefined && successor.from !== copy
    if (isAnother && successor.at - (session.created + copy) >= 2 * GRACE) return 5
    const provedAt = proved.get(gen + 1)
    if (gen === session.gen - 1 && provedAt === undefined) return 6
    return provedAt !== undefined && this.now - provedAt < GRACE ? 7 : 8
  }

  #rotate(session: ModelSession, gen: number, copy: number): number {
    if (gen !== session.gen) {
      session.births.clear()
      session.proved.clear()
      session.lastCopy = Math.max(session.lastCopy, copy)
    }
    session.gen = gen
    if (!session.proved.has(gen)) session.proved.set(gen, this.now)
    session.gen = gen + 1
    session.births.set(gen + 1, { at: this.now, from: copy })
    session.expires = this.now + IDLE
    return this.#nextCopy(session)
  }

  #nextCopy(session: ModelSession): number {
    session.lastCopy = Math.max(this.now - session.created, session.lastCopy + 1)
    return session.lastCopy
  }
}
