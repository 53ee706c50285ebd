import type { Test } from 'tap'

type Work = () => void

/** One request of a transaction. Its callback runs in a later turn, as in a browser. */
interface FakeRequest {
  result: unknown
  error?: unknown
  onsuccess?: Work
  onerror?: Work
  onupgradeneeded?: Work
}

/**
 * IndexedDB of one browser, with one object store. A transaction runs alone, and it ends as soon as it has no request left,
 * so that a page that waits for something else in between gets an error.
 */
export class FakeIndexedDb {
  readonly values = new Map<string, unknown>()
  /** Set it to let `open` or the transactions fail, or never answer. */
  fault: 'open' | 'transaction' | 'hang' | undefined
  openConnections = 0
  #isCreated = false
  #last: Promise<void> = Promise.resolve()

  /** Replaces the IndexedDB of the runtime until the test ends. */
  static install(t: Test): FakeIndexedDb {
    const fake = new FakeIndexedDb()
    Object.assign(globalThis, { indexedDB: fake })
    t.after(() => Reflect.deleteProperty(globalThis, 'indexedDB'))
    return fake
  }

  open(_name: string): FakeRequest {
    const request: FakeRequest = { result: this.#connect() }
    if (this.fault === 'hang') return request
    setImmediate(() => {
      if (this.fault === 'open') {
        request.error = new DOMException('The database is corrupt', 'UnknownError')
        return request.onerror?.()
      }
      if (!this.#isCreated) request.onupgradeneeded?.()
      this.#isCreated = true
      this.openConnections++
      request.onsuccess?.()
    })
    return request
  }

  #connect() {
    return {
      createObjectStore() {},
      close: () => void this.openConnections--,
      transaction: (_store: string, mode: string) =>
        new FakeTransaction(this, mode, (run) => this.#enqueue(run))
    }
  }

  #enqueue(run: () => Promise<void>): void {
    this.#last = this.#last.then(run)
  }
}

class FakeTransaction {
  error: unknown = null
  oncomplete?: Work
  onabort?: Work
  readonly #database: FakeIndexedDb
  readonly #mode: string
  #pending: Work[] = []
  #isOver = false

  constructor(database: FakeIndexedDb, mode: string, enqueue: (run: () => Promise<void>) => void) {
    this.#database = database
    this.#mode = mode
    enqueue(() => this.#run())
  }

  objectStore() {
    const { values } = this.#database
    return {
      get: (key: string) => this.#request(() => values.get(key)),
      put: (value: unknown, key: string) => this.#write(() => values.set(key, value)),
      delete: (key: string) => this.#write(() => values.delete(key))
    }
  }

  #write(work: () => unknown): FakeRequest {
    if (this.#mode !== 'readwrite') throw new DOMException('The transaction is read-only', 'ReadOnlyError')
    return this.#request(work)
  }

  #request(work: () => unknown): FakeRequest {
    if (this.#isOver) throw new DOMException('The transaction is over', 'TransactionInactiveError')
    const request: FakeRequest = { result: undefined }
    this.#pending.push(() => {
      request.result = work()
      request.onsuccess?.()
    })
    return request
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      await new Promise(setImmediate)
      if (this.#database.fault === 'transaction') return this.#abort()
      this.#pending.shift()?.()
    }
    this.#isOver = true
    this.oncomplete?.()
  }

  #abort(): void {
    this.#isOver = true
    this.error = new DOMException('The disk is full', 'QuotaExceededError')
    this.onabort?.()
  }
}
