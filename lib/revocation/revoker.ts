import type { RevocationReason, Session } from '../../types/identity.js'
import type { Background } from '../background.js'
import { operationId } from '../operation.js'
import type { KnownRevocation } from '../store/session-store.js'
import type { Ask, StoreCalls } from '../store-calls.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** Called with each session that was ended, once, by whoever was the first. */
export type Ended = (session: Session, reason: RevocationReason) => void

/**
 * Ends sessions. A session that is named is refused by this process from that moment on (security
 * decisions fail closed); the store is asked until it has answered, for nobody knows of a call that failed
 * whether it was carried out.
 */
export class Revoker {
  readonly #calls: StoreCalls
  readonly #background: Background
  readonly #revoked: RevokedSessions
  /** The longest that a session can live: then trying is pointless. */
  readonly #maxTtlMs: number
  /** What the store has not acknowledged yet. */
  readonly #ending = new Set<string>()

  constructor(calls: StoreCalls, background: Background, revoked: RevokedSessions, maxTtlMs: number) {
    this.#calls = calls
    this.#background = background
    this.#revoked = revoked
    this.#maxTtlMs = maxTtlMs
  }

  known(sid: string): KnownRevocation | undefined {
    return this.#revoked.get(sid)
  }

  /**
   * Why a session is being ended, while the store has not acknowledged it. It is not to be asked about it
   * then: who ends it in passing would take the event from who found out why.
   */
  ending(sid: string): RevocationReason | undefined {
    return this.#ending.has(sid) ? this.known(sid)?.reason : undefined
  }

  /**
   * @returns whether this call ended it
   * @throws `FRT_ERR_STORE_UNAVAILABLE`: it goes on trying
   */
  async end(sid: string, reason: RevocationReason, ended: Ended): Promise<boolean> {
    const operation = operationId()
    const known = this.known(sid)
    // Until the store has answered, it may live as long as any.
    if (!known) this.#revoked.add(sid, reason, Date.now() + this.#maxTtlMs)
    this.#ending.add(sid)
    // A reason of its own: a logout that comes after a theft must not hide it.
    const sessions = await this.#untilDone(`${sid} ${reason}`, reason, ended, async (ask) => {
      const session = await ask((store) => store.revoke(sid, reason, operation))
      this.#ending.delete(sid)
      if (!session && !known) this.#revoked.add(sid, reason, 0)
      return session ? [session] : []
    })
    return sessions.length > 0
  }

  /**
   * Ends all sessions of a user but one. However late the store carries it out, it spares those that began
   * after this call.
   * @returns how many this call ended
   * @throws `FRT_ERR_STORE_UNAVAILABLE`: it goes on trying
   */
  async endAll(
    sub: string,
    reason: RevocationReason,
    except: string | undefined,
    ended: Ended
  ): Promise<number> {
    const operation = operationId()
    const calledAt = performance.now()
    let tries = 0
    // A later call means all that an earlier one did.
    const key = JSON.stringify([sub, except])
    const sessions = await this.#untilDone(key, reason, ended, async (ask) => {
      const isFirst = tries++ === 0
      const nowMs = await ask((store) => store.now(sub))
      // The first try means all that there are, a later one those that there were at the call.
      const createdUntilMs = isFirst ? nowMs : nowMs - Math.ceil(performance.now() - calledAt)
      return ask((store) => store.revokeAll(sub, reason, operation, { except, createdUntilMs }))
    })
    return sessions.length
  }

  /** Takes note of sessions that the store has ended on its own. */
  note(sessions: Session[], reason: RevocationReason, ended: Ended): void {
    for (const session of sessions) {
      this.#revoked.add(session.sid, reason, session.expiresAt.getTime())
      ended(session, reason)
    }
  }

  async #untilDone(
    key: string,
    reason: RevocationReason,
    ended: Ended,
    revoke: (ask: Ask) => Promise<Session[]>
  ): Promise<Session[]> {
    const run = async (ask: Ask) => {
      const sessions = await revoke(ask)
      this.note(sessions, reason, ended)
      return sessions
    }
    try {
      return await run((call) => this.#calls.ask(call))
    } catch (error) {
      const giveUpAt = performance.now() + this.#maxTtlMs
      const again = () => run((call) => this.#calls.askPatiently(call))
      void this.#background.retry(key, again, () => performance.now() > giveUpAt)
      throw error
    }
  }
}
