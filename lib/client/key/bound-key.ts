import type { PostToRoute } from '../post-to-route.js'
import type { Runtime } from '../runtime.js'
import { inTime } from '../time-limit.js'
import { createKeyPair, createProof, isKeyPair, type KeyPair } from './es256-proof.js'
import { withStoredValue } from './key-database.js'
import { createProvingPost, type Prove } from './proving-post.js'
import type { SessionKey } from './session-key.js'

/** A browser that does not answer must not prevent a login or a logout. */
const DATABASE_TIMEOUT_MS = 5000

/** What is stored. Each login increments `logins`, so that a logout that started before it keeps the key. */
interface StoredKey extends KeyPair {
  logins: number
}

/**
 * Binds sessions to a key of this browser, so that a copied refresh token is useless without it. The key is in IndexedDB,
 * and no script can export it. All tabs of the origin share it. It is created at a login and deleted at a logout.
 *
 * Without IndexedDB or WebCrypto, or if the browser stores no keys, sessions are not bound.
 * @param name a name of its own for each client whose sessions are independent
 */
export function createBoundKey(name = 'default'): SessionKey {
  return (createTransport) => (runtime, post, session) => {
    const key = new BrowserKey(runtime, name)
    const transport = createTransport(runtime, key.withProofs(post), session)
    return {
      ...transport,
      async logIn(url, body, signal) {
        await key.prepareLogin()
        return transport.logIn(url, body, signal)
      },
      async logOut(url, accessToken, isRetry, isReplaced) {
        const before = await key.read()
        const result = await transport.logOut(url, accessToken, isRetry, isReplaced)
        // The key of the session that has replaced this one is kept.
        if (result.isOk && before && !isReplaced) await key.deleteUnlessUsed(before)
        return result
      }
    }
  }
}

/** The key in IndexedDB. It is read for each proof, so that a tab never uses a key that another tab has deleted. */
class BrowserKey {
  readonly #runtime: Runtime
  readonly #name: string
  /** Whether a key may exist that could not be read. */
  #isUnreadable = false

  constructor(runtime: Runtime, name: string) {
    this.#runtime = runtime
    this.#name = name
  }

  /** Creates the key if there is none. A login over an existing session uses its key, so that the server replaces it. */
  async prepareLogin(): Promise<void> {
    await this.#try(async () => {
      // Generated first, because a transaction ends while the page waits for something else.
      const newKey = await createKeyPair()
      // Reads and writes in one transaction, so that tabs create one key.
      await withStoredValue(this.#name, 'readwrite', (value, store) => {
        const { publicKey, privateKey, logins } = isKeyPair(value)
          ? (value as StoredKey)
          : { ...newKey, logins: 0 }
        store.put({ publicKey, privateKey, logins: logins + 1 }, this.#name)
      })
    })
  }

  /** Returns `undefined` if there is no key, or if it cannot be read. */
  async read(): Promise<StoredKey | undefined> {
    return this.#try(async () => {
      const value = await withStoredValue(this.#name, 'readonly')
      return isKeyPair(value) ? (value as StoredKey) : undefined
    })
  }

  /** Deletes the key, unless a login has used it since it was read. */
  async deleteUnlessUsed({ logins }: StoredKey): Promise<void> {
    await this.#try(() =>
      withStoredValue(this.#name, 'readwrite', (value, store) => {
        if ((value as StoredKey | undefined)?.logins === logins) store.delete(this.#name)
      })
    )
  }

  /** Returns a `post` with proofs. While the key cannot be read, a bound session is unavailable and does not end. */
  withProofs(post: PostToRoute): PostToRoute {
    const prove: Prove = async (method, url, nonce) => {
      const key = await this.read()
      return key ? createProof(key, method, url, nonce) : null
    }
    const provingPost = createProvingPost(this.#runtime, post, prove)
    return async (url, options) => {
      const result = await provingPost(url, options)
      const isKeyMissing = this.#isUnreadable && result.body?.code === 'FRT_ERR_PROOF_REQUIRED'
      return isKeyMissing ? { ...result, isSessionEnd: false, canRetry: true } : result
    }
  }

  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await inTime(this.#runtime, DATABASE_TIMEOUT_MS, work)
      this.#isUnreadable = false
      return result
    } catch {
      this.#isUnreadable = true
      return undefined
    }
  }
}
