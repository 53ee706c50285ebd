import { UnavailableError } from './errors.js'
import type { RefreshTokenStorage } from './types.js'

/**
 * The refresh token of body mode. One operation after another: what was removed last stays removed, however slow
 * the storage. One that throws is unavailable.
 */
export class KeptToken {
  readonly #storage: RefreshTokenStorage
  #last: Promise<unknown> = Promise.resolve()

  constructor(storage: RefreshTokenStorage) {
    this.#storage = storage
  }

  get(): Promise<string | null> {
    return this.#next(async () => (await this.#storage.get()) ?? null)
  }

  /** @param isWanted is asked when its turn has come */
  set(refreshToken: string, isWanted: () => boolean): Promise<unknown> {
    return this.#next(async () => isWanted() && this.#storage.set(refreshToken))
  }

  /** Gives what was kept. */
  take(): Promise<string | null> {
    return this.#next(async () => {
      const kept = (await this.#storage.get()) ?? null
      await this.#storage.remove()
      return kept
    })
  }

  /**
   * Not where another tab has put its own there since.
   * @param to null: nothing
   */
  replace(refreshToken: string, to: string | null): Promise<boolean> {
    return this.#next(async () => {
      if ((await this.#storage.get()) !== refreshToken) return false
      await (to === null ? this.#storage.remove() : this.#storage.set(to))
      return true
    })
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work).catch((cause) => {
      throw new UnavailableError('the storage failed', { cause })
    })
    this.#last = next.catch(() => {})
    return next
  }
}
