import type { Runtime } from '../runtime.js'
import { inTime } from '../time-limit.js'
import type { RefreshTokenStorage, StorageOptions } from '../types.js'

const DEFAULT_TIMEOUT_SECONDS = 5

/**
 * Stores the refresh token. Runs one operation at a time, so that a slow write cannot restore a removed token. After an
 * operation that throws or hangs, the token is in memory only, so that the user can still log in and log out.
 */
export class TokenStorage {
  readonly #runtime: Runtime
  readonly #storage: RefreshTokenStorage
  readonly #options: StorageOptions
  #last: Promise<unknown> = Promise.resolve()
  #memory: string | null = null
  #isBroken = false
  /** Whether the storage must hold what is in memory. Otherwise the storage decides. */
  #isWritten = false

  constructor(runtime: Runtime, storage: RefreshTokenStorage, options: StorageOptions) {
    this.#runtime = runtime
    this.#storage = storage
    this.#options = options
  }

  /** If `true`, a token that is `null` may still be in the storage. */
  isBroken(): boolean {
    return this.#isBroken
  }

  get(): Promise<string | null> {
    return this.#enqueue(() => this.#read())
  }

  set(refreshToken: string): Promise<void> {
    return this.#enqueue(() => this.#write(refreshToken))
  }

  /** Removes the refresh token and returns it. */
  take(): Promise<string | null> {
    return this.#enqueue(async () => {
      const refreshToken = await this.#read()
      await this.#write(null)
      return refreshToken
    })
  }

  /**
   * Replaces the refresh token, unless another tab has stored a different one meanwhile.
   * @param next the new token, `null` to remove the token, or `undefined` to keep it
   * @returns `false` if another token is stored
   */
  replace(refreshToken: string, next: string | null | undefined): Promise<boolean> {
    return this.#enqueue(async () => {
      if ((await this.#read()) !== refreshToken) return false
      if (next !== undefined) await this.#write(next)
      return true
    })
  }

  /** Uses a storage that failed again. */
  recover(): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#isBroken) return
      this.#isBroken = false
      if (this.#isWritten) await this.#write(this.#memory)
    })
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result
    return result
  }

  async #read(): Promise<string | null> {
    this.#memory = (await this.#try(() => this.#storage.get(), this.#memory)) || null
    return this.#memory
  }

  async #write(refreshToken: string | null): Promise<void> {
    this.#memory = refreshToken
    this.#isWritten = true
    await this.#try(
      () => (refreshToken === null ? this.#storage.remove() : this.#storage.set(refreshToken)),
      undefined
    )
    if (this.#isBroken) this.#removeStaleToken()
  }

  /** The storage may hold an earlier token. After a restart it would count as reused, or undo a logout. */
  #removeStaleToken(): void {
    Promise.resolve()
      .then(() => this.#storage.remove())
      .catch(() => {})
  }

  /** Runs an operation of the storage. Returns the fallback if it fails, now or earlier. */
  async #try<T>(operation: () => T, fallback: Awaited<T>): Promise<Awaited<T>> {
    if (this.#isBroken) return fallback
    const { onStorageError, storageTimeout = DEFAULT_TIMEOUT_SECONDS } = this.#options
    try {
      return await inTime(this.#runtime, storageTimeout * 1000, async () => operation())
    } catch (error) {
      this.#isBroken = true
      // Not called here, so that an error of the application cannot stop the client.
      queueMicrotask(() => onStorageError?.(error))
      return fallback
    }
  }
}
