import type { RevocationReason } from '../../types/identity.js'
import { ExpiringMap } from '../expiring-map.js'
import type { KnownRevocation } from '../store/session-store.js'

/** Longer than any access token of the session, by what clocks and queues may differ. */
const MARGIN_MS = 120_000

/**
 * What this process knows of sessions that have ended, for as long as one of their access tokens may
 * live. It knows before the store does, and still knows when a failover makes the store forget.
 */
export class RevokedSessions {
  readonly #retentionUs: number
  readonly #sessions: ExpiringMap<KnownRevocation & { expiresUs: number }>

  constructor(accessTokenTtlMs: number) {
    this.#retentionUs = (accessTokenTtlMs + MARGIN_MS) * 1000
    this.#sessions = new ExpiringMap(nowUs())
  }

  /** @param expiresAtMs until when a token of the session could have lived, by the store's clock */
  add(sid: string, reason: RevocationReason, expiresAtMs: number): void {
    const now = nowUs()
    this.#sessions.sweep(now)
    this.#sessions.set(sid, { reason, expiresAtMs, expiresUs: now + this.#retentionUs })
  }

  get(sid: string): KnownRevocation | undefined {
    return this.#sessions.get(sid, nowUs())
  }
}

/** A clock that no one sets: what is known stays known. */
function nowUs(): number {
  return performance.now() * 1000
}
