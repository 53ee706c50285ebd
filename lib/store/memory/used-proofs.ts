import type { Refresh } from '../../../types/session-store.js'
import { tagIn } from '../../tokens/session-id.js'
import { ExpiringMap } from '../../utils/expiring-map.js'

/** The proofs of bound sessions that calls have used (row 0 of the rotation rule). */
export class UsedProofs {
  /** The idempotency key of the call, by the user and the id of the proof. */
  readonly #calls: ExpiringMap<{ idempotencyKey: string; expiresUs: number }>

  constructor(nowUs: number) {
    this.#calls = new ExpiringMap(nowUs)
  }

  /** Records the proof of a call. Returns `false` if another call has used it. */
  accept({ proof, sid, idempotencyKey }: Refresh, nowUs: number): boolean {
    if (!proof) return true
    const key = tagIn(sid) + proof.id
    const usedBy = this.#calls.get(key, nowUs)
    if (usedBy) return usedBy.idempotencyKey === idempotencyKey
    this.#calls.set(key, { idempotencyKey, expiresUs: nowUs + proof.rememberMs * 1000 })
    return true
  }

  /** Deletes the expired ones. */
  sweep(nowUs: number): void {
    this.#calls.sweep(nowUs)
  }
}
