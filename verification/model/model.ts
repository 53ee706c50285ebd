// A model of the rotation rule, written from the text of its ten rows and not from the code of `lib/`. It keeps the records
// of all generations, which the plugin does not. Times are in microseconds.

export const GRACE = 30_000_000
export const ACCESS_TTL = 300_000_000
export const IDLE = 14 * 24 * 3600 * 1_000_000
export const MAX_PER_USER = 3

export interface ModelSession {
  sid: string
  sub: string
  /** Whether the session is bound to a key. The model only gets the refreshes that have its proof. */
  isBound: boolean
  gen: number
  /** The device name. */
  name: string | null
  created: number
  expires: number
  /** When the last copy was issued, since `created`. */
  lastCopy: number
  /** When each generation was issued, and from which copy of the previous one. */
  issuances: Map<number, { at: number; from: number }>
  /** When each generation was confirmed. */
  confirmedAt: Map<number, number>
  /** The last rotation that was repeated for a silent client: its generation and when. */
  repeated: { gen: number; at: number } | null
}

/** The content of the store. A failover restores an earlier content. */
export interface ModelStore {
  sessions: Map<string, ModelSession>
  denylist: Map<string, Revocation>
}

export interface Revocation {
  reason: string
  /** The expiry time of the session. */
  until: number
}

export type Outcome =
  | { outcome: 'rotated' | 'replayed'; row: number; gen: number; copy: number }
  | { outcome: 'conflict'; row: 7; retryAfter: number }
  | { outcome: 'reuse' | 'rollback'; row: number }
  | { outcome: 'revoked'; reason: string }
  | { outcome: 'unknown' }

export class Model {
  now: number
  store: ModelStore = { sessions: new Map(), denylist: new Map() }

  constructor(now: number) {
    this.now = now
  }

  activeSession(sid: string): ModelSession | undefined {
    const session = this.store.sessions.get(sid)
    return session && session.expires > this.now ? session : undefined
  }

  /** Returns the active sessions of a user, oldest first. */
  sessionsOf(sub: string): ModelSession[] {
    return [...this.store.sessions.values()].filter(
      (session) => session.sub === sub && session.expires > this.now
    )
  }

  /** @returns the sessions that the login evicts */
  login(sid: string, sub: string, replaced: readonly string[], isBound = false): [string, Revocation][] {
    const { now } = this
    this.store.sessions.set(sid, {
      ...{
        sid,
        sub,
        isBound,
        gen: 1,
        name: null,
        created: now,
        expires: now + IDLE,
        lastCopy: 0,
        repeated: null
      },
      issuances: new Map(),
      confirmedAt: new Map([[1, now]])
    })
    const counted = this.sessionsOf(sub).filter((session) => !replaced.includes(session.sid))
    return counted
      .slice(0, Math.max(0, counted.length - MAX_PER_USER))
      .map((old) => [old.sid, this.revoke(old.sid, 'evicted') as Revocation])
  }

  /** @returns `undefined` if there was no active session */
  revoke(sid: string, reason: string): Revocation | undefined {
    const session = this.activeSession(sid)
    if (!session) return undefined
    const revocation = { reason, until: session.expires }
    this.store.sessions.delete(sid)
    this.store.denylist.set(sid, revocation)
    return revocation
  }

  confirm(sid: string, gen: number): void {
    const session = this.activeSession(sid)
    if (session?.gen === gen && !session.confirmedAt.has(gen)) session.confirmedAt.set(gen, this.now)
  }

  /** @param knownRevocation the local record of the process, which it has even if the store lost the revocation */
  refresh(sid: string, gen: number, copy: number, knownRevocation: Revocation | undefined): Outcome {
    const { denylist } = this.store
    const entry = denylist.get(sid)
    const listed = entry && entry.until > this.now ? entry : undefined
    const revocation = listed ?? knownRevocation
    if (revocation) {
      // Revokes a session that a failover restored, and writes a revocation record that it lost.
      if (!this.revoke(sid, revocation.reason)) denylist.set(sid, revocation)
      return { outcome: 'revoked', reason: revocation.reason }
    }
    const session = this.activeSession(sid)
    if (!session) return { outcome: 'unknown' }
    const row = this.rowOf(session, gen, copy)
    switch (row) {
      case 3:
        this.confirm(sid, gen)
        return { outcome: 'replayed', row, gen, copy }
      case 5:
      case 8:
        return { outcome: 'reuse', row }
      case 10:
        return { outcome: 'rollback', row }
      case 7: {
        if (this.#isSilent(session, gen, copy)) {
          this.#repeat(session, copy)
          return { outcome: 'replayed', row, gen: session.gen, copy: this.#nextCopy(session) }
        }
        const retiredFor = this.now - (session.confirmedAt.get(gen + 1) as number)
        if (retiredFor >= GRACE) return { outcome: 'conflict', row, retryAfter: 3 * GRACE - retiredFor }
        return { outcome: 'replayed', row, gen: session.gen, copy: this.#nextCopy(session) }
      }
      case 6:
        return { outcome: 'replayed', row, gen: session.gen, copy: this.#nextCopy(session) }
      default:
        return { outcome: 'rotated', row, gen: gen + 1, copy: this.#rotate(session, gen, copy) }
    }
  }

  rowOf(session: ModelSession, gen: number, copy: number): number {
    const { issuances, confirmedAt } = session
    if (gen > session.gen) return gen === session.gen + 1 ? 9 : 10
    if (gen === session.gen) {
      const { repeated } = session
      if (repeated?.gen === gen && session.created + copy < repeated.at) return 5
      const issuance = issuances.get(gen)
      const since =
        confirmedAt.get(gen) ??
        Math.max(issuance?.at ?? 0, Math.min(this.now, session.created + session.lastCopy))
      return issuance && this.now - since < 3 * GRACE ? 3 : 4
    }
    // The rule only uses the last two rotations.
    if (session.gen - gen > 2) return 8
    const successor = issuances.get(gen + 1)
    const isAnother = successor !== undefined && successor.from !== copy
    if (isAnother && successor.at - (session.created + copy) >= 2 * GRACE) return 5
    const confirmationTime = confirmedAt.get(gen + 1)
    if (gen === session.gen - 1 && confirmationTime === undefined) return 6
    if (confirmationTime !== undefined && this.now - confirmationTime < 3 * GRACE) return 7
    return this.#isSilent(session, gen, copy) ? 7 : 8
  }

  /** Row 7 of a bound session: the client has lost the current generation, whose access tokens have all expired. */
  #isSilent(session: ModelSession, gen: number, copy: number): boolean {
    const { isBound, issuances, confirmedAt, repeated, created, lastCopy } = session
    const isLastRetired = gen === session.gen - 1 && issuances.get(session.gen)?.from === copy
    if (!isBound || !isLastRetired || repeated?.gen === session.gen) return false
    const since = Math.max(confirmedAt.get(session.gen) ?? 0, created + lastCopy)
    return this.now - since >= ACCESS_TTL + 3 * GRACE
  }

  #repeat(session: ModelSession, from: number): void {
    session.issuances.set(session.gen, { at: this.now, from })
    session.confirmedAt.delete(session.gen)
    session.repeated = { gen: session.gen, at: this.now }
  }

  #rotate(session: ModelSession, gen: number, copy: number): number {
    if (gen !== session.gen) {
      session.issuances.clear()
      session.confirmedAt.clear()
    }
    // The store may have lost the copy that is presented.
    session.lastCopy = Math.max(session.lastCopy, copy)
    session.gen = gen
    if (!session.confirmedAt.has(gen)) session.confirmedAt.set(gen, this.now)
    session.gen = gen + 1
    session.issuances.set(gen + 1, { at: this.now, from: copy })
    session.expires = this.now + IDLE
    return this.#nextCopy(session)
  }

  #nextCopy(session: ModelSession): number {
    session.lastCopy = Math.max(this.now - session.created, session.lastCopy + 1)
    return session.lastCopy
  }
}
