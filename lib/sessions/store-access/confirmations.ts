import { LRUCache } from 'lru-cache'
import type { StoreClient } from './store-client.js'

const MAX_SESSIONS = 50_000

/**
 * Confirms to the store that a client holds its new tokens. Sends each confirmation once per generation and process,
 * outside of the request that proved it, and retries until the store acknowledges it.
 */
export class Confirmations {
  readonly #storeClient: StoreClient
  #lru: LRUCache<string, number> | undefined
  /** After this time no access token of the generation is valid. A later generation confirms again. */
  readonly #giveUpMs: number

  constructor(storeClient: StoreClient, accessTokenTtlMs: number) {
    this.#storeClient = storeClient
    this.#giveUpMs = accessTokenTtlMs
  }

  /**
   * The last confirmed generation, by session id. Confirming an evicted entry again is harmless. The cache is created when
   * it is first needed, because it allocates memory for all its entries.
   */
  get #confirmed(): LRUCache<string, number> {
    this.#lru ??= new LRUCache<string, number>({ max: MAX_SESSIONS })
    return this.#lru
  }

  confirm(sid: string, gen: number): void {
    // The first generation is confirmed by the login.
    if (gen === 1 || gen <= (this.#confirmed.get(sid) ?? 1)) return
    this.#confirmed.set(sid, gen)
    const giveUpAt = performance.now() + this.#giveUpMs
    this.#storeClient.callInBackground(
      `confirm ${sid} ${gen}`,
      'confirm',
      (store) => store.confirm(sid, gen),
      () => this.#shouldGiveUp(sid, gen, giveUpAt)
    )
  }

  #shouldGiveUp(sid: string, gen: number, giveUpAt: number): boolean {
    if (this.#confirmed.peek(sid) !== gen) return true
    return performance.now() > giveUpAt && this.#confirmed.delete(sid)
  }
}
