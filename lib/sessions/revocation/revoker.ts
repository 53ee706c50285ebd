import type { Revocation } from '../../../types/revocation-feed.js'
import type { RevocationReason, Session } from '../../../types/session.js'
import type { KnownRevocation } from '../../../types/session-store.js'
import { errors } from '../../errors.js'
import { operationId } from '../../utils/random.js'
import type { Background } from '../../utils/retry-queue.js'
import { untilDone } from '../store-access/background-retry.js'
import type { Ask, StoreCalls } from '../store-access/store-client.js'
import type { Announcer } from './revocation-publisher.js'
import type { RevokedSessions } from './revoked-sessions.js'

/** How exactly a moment that lies back has to be known by the store's clock. */
const MAX_ROUND_TRIP_MS = 1000

/** Called with each session that was ended, once, by whoever was the first. */
export type Ended = (session: Session, reason: RevocationReason) => void

/**
 * Ends sessions. A session that is named is refused by this process from that moment on (security
 * decisions fail closed); the store is asked until it has answered, for nobody knows of a call that failed
 * whether it was carried out.
 */
export class Revoker {
  readonly #retrying: { calls: StoreCalls; background: Background }
  readonly #announcer: Announcer
  readonly #revoked: RevokedSessions
  /** The longest that a session can live: then trying is pointless. */
  readonly #maxTtlMs: number
  /** What the store has not acknowledged yet. */
  readonly #ending = new Set<string>()

  constructor(
    retrying: { calls: StoreCalls; background: Background },
    announcer: Announcer,
    revoked: RevokedSessions,
    maxTtlMs: number
  ) {
    this.#retrying = retrying
    this.#announcer = announcer
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
   * Deletes first, then tells: where only the second fails, no refresh token is good any more.
   * @returns whether this call ended it
   * @throws `FRT_ERR_STORE_UNAVAILABLE`: it goes on trying
   */
  async end(sid: string, reason: RevocationReason, ended: Ended): Promise<boolean> {
    const operation = operationId()
    const known = this.known(sid)
    // Until the store has answered, it may live as long as any.
    if (!known) this.#revoked.add(sid, reason, Date.now() + this.#maxTtlMs)
    this.#ending.add(sid)
    const tell = (session: Session | null): Promise<void> => {
      if (session) return this.note([session], reason, ended)
      if (!known) this.#revoked.add(sid, reason, 0)
      // Whoever ended it may have failed to tell.
      return this.#announcer.tell({ sids: [sid], reason, expiresAtMs: 0 })
    }
    // A reason of its own: a logout that comes after a theft must not hide it.
    return this.#untilDone(`${sid} ${reason}`, async (ask) => {
      const session = await ask('revoke', (store) => store.revoke(sid, reason, operation))
      this.#ending.delete(sid)
      return { result: session !== null, sids: [sid], tell: () => tell(session) }
    })
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
    return this.#untilDone(key, async (ask) => {
      const isFirst = tries++ === 0
      const sentAt = performance.now()
      const nowMs = await ask('now', (store) => store.now(sub))
      // An answer that took long, in whatever queue, does not tell when the call was.
      if (!isFirst && performance.now() - sentAt > MAX_ROUND_TRIP_MS) throw new errors.StoreUnavailable()
      // The first try means all that there are, a later one those that there were at the call.
      const createdUntilMs = isFirst ? nowMs : nowMs - Math.floor(sentAt - calledAt)
      const spared = { except, createdUntilMs }
      const sessions = await ask('revokeAll', (store) => store.revokeAll(sub, reason, operation, spared))
      const sids = sessions.map(({ sid }) => sid)
      return { result: sessions.length, sids, tell: () => this.note(sessions, reason, ended) }
    })
  }

  /** Ends sessions that the store may have got back since they were ended. Nobody is told: all were. */
  endAgain({ sids, reason }: Revocation): void {
    for (const sid of sids) {
      const operation = operationId()
      const end = (ask: Ask) => ask('revoke', (store) => store.revoke(sid, reason, operation))
      untilDone(this.#retrying, `${sid} again`, this.#maxTtlMs, end).catch(() => {})
    }
  }

  /**
   * Takes note of sessions that the store has ended on its own, and tells of them.
   * @throws `FRT_ERR_STORE_UNAVAILABLE` if the other processes could not be told yet: it goes on trying
   */
  async note(sessions: Session[], reason: RevocationReason, ended: Ended): Promise<void> {
    for (const session of sessions) {
      this.#revoked.add(session.sid, reason, session.expiresAt.getTime())
      ended(session, reason)
    }
    const expiresAtMs = Math.max(0, ...sessions.map(({ expiresAt }) => expiresAt.getTime()))
    await this.#announcer.tell({ sids: sessions.map(({ sid }) => sid), reason, expiresAtMs })
  }

  /**
   * Tells as soon as the store has ended it, and once: telling is tried again by itself. Then the store is
   * asked whether that would last; where it would not, all is tried again, for a failover may have undone it.
   */
  async #untilDone<T>(key: string, end: (ask: Ask) => Promise<End<T>>): Promise<T> {
    let first: (End<T> & { told: Promise<void> }) | undefined
    const { result, told } = await untilDone(this.#retrying, key, this.#maxTtlMs, async (ask) => {
      const ended = await end(ask)
      first ??= { ...ended, told: ended.tell() }
      const { sids, told } = first
      told.catch(() => {})
      await ask('secure', async (store) => store.secure?.(sids))
      return first
    })
    await told
    return result
  }
}

/** What the store has ended. */
interface End<T> {
  result: T
  sids: string[]
  tell(): Promise<void>
}
