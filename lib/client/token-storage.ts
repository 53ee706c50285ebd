import { UnavailableError } from './errors.js'
import type { RefreshTokenStorage } from './types.js'

/**
 * Stores the refresh token in body mode. Runs one operation at a time, so that a slow write cannot restore a removed
 * token. An operation that throws rejects with `UnavailableError`.
 */
export class TokenStorage {
  readonly #storage: RefreshTokenStorage
  #last: Promise<unknown> = Promise.resolve()

  constructor(storage: RefreshTokenStorage) {
    this.#storage = storage
  }

  get(): Promise<string | null> {
    return this.#enqueue(async () => (await this.#storage.get()) ?? null)
  }

  /** @param isCurrent is called before the write. If it returns `false`, nothing is written */
  set(refreshToken: string, isCurrent: () => boolean): Promise<unknown> {
    return this.#enqueue(async () => isCurrent() && this.#storage.set(refreshToken))
  }

  /** Removes the refresh token and returns it. */
  take(): Promise<string | null> {
    return this.#enqueue(async () => {
      const refreshToken = (await this.#storage.get()) ?? null
      await this.#storage.remove()
      return refreshToken
    })
  }

  /**
   * Replaces the refresh token, unless another tab has stored a different one meanwhile.
   * @param next the new token, or `null` to remove it
   * @returns `true` if the token was replaced
   */
  replace(refreshToken: string, next: string | null): Promise<boolean> {
    return this.#enqueue(async () => {
      if ((await this.#storage.get()) !== refreshToken) return false
      await (next === null ? this.#storage.remove() : this.#storage.set(next))
      return true
    })
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work).catch((cause) => {
      throw new UnavailableError('the refresh token storage failed', { cause })
    })
    this.#last = result.catch(() => {})
    return result
  }
}
