import type { StoreClient } from './store-client.js'

const MAX_SESSIONS = 50_000

/**
 * Confirms to the store that a client holds its new tokens. Sends each confirmation once per generation and process,
 * outside of the request that proved it, and retries until the store acknowledges it.
 */
export class Confirmations {
  readonly #storeClient: StoreClient
  /** The last confirmed generation, by session id, oldest first. Confirming an evicted entry again is harmless. */
  readonly #confirmed = new Map<string, number>()
  /** After this time no access token of the generation is valid. A later generation confirms again. */
  readonly #giveUpMs: number

  constructor(storeClient: StoreClient, accessTokenTtlMs: number) {
    this.#storeClient = storeClient
    this.#giveUpMs = accessTokenTtlMs
  }

  confirm(sid: string, gen: number): void {
    // The first generation is confirmed by the login.
    if (gen === 1 || gen <= (this.#confirmed.get(sid) ?? 1)) return
    this.#remember(sid, gen)
    const giveUpAt = performance.now() + this.#giveUpMs
    this.#storeClient.callInBackground(
      `confirm ${sid} ${gen}`,
      'confirm',
      (store) => store.confirm(sid, gen),
      () => this.#shouldGiveUp(sid, gen, giveUpAt)
    )
  }

  /** Confirms the next use of an access token again, because row 7 may have repeated the rotation of a silent client. */
  forget(sid: string): void {
    this.#confirmed.delete(sid)
  }

  #remember(sid: string, gen: number): void {
    // A new entry is the last one in a map, and a changed one keeps its place.
    this.#confirmed.delete(sid)
    this.#confirmed.set(sid, gen)
    if (this.#confirmed.size <= MAX_SESSIONS) return
    const [oldest] = this.#confirmed.keys()
    this.#confirmed.delete(oldest as string)
  }

  #shouldGiveUp(sid: string, gen: number, giveUpAt: number): boolean {
    if (this.#confirmed.get(sid) !== gen) return true
    return performance.now() > giveUpAt && this.#confirmed.delete(sid)
  }
}
