/** The parts of IndexedDB that the client uses. */
interface Request<T> {
  readonly result: T
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}

export interface ObjectStore {
  get(key: string): Request<unknown>
  put(value: unknown, key: string): unknown
  delete(key: string): unknown
}

interface Transaction {
  objectStore(name: string): ObjectStore
  readonly error: unknown
  oncomplete: (() => void) | null
  onabort: (() => void) | null
}

interface Database {
  createObjectStore(name: string): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): Transaction
  close(): void
}

interface OpenRequest extends Request<Database> {
  readonly error: unknown
  onupgradeneeded: (() => void) | null
}

declare const indexedDB: { open(name: string): OpenRequest }

const DATABASE = 'fastify-refresh-token'
const STORE = 'keys'

/**
 * Runs one transaction, which reads the value and may change it. Resolves with the value that was stored before, after the
 * transaction is complete.
 */
export async function withStoredValue(
  name: string,
  mode: 'readonly' | 'readwrite',
  change?: (value: unknown, store: ObjectStore) => void
): Promise<unknown> {
  const database = await openDatabase()
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const store = transaction.objectStore(STORE)
      const read = store.get(name)
      read.onsuccess = () => change?.(read.result, store)
      transaction.oncomplete = () => resolve(read.result)
      // An error aborts the transaction, such as a full disk.
      transaction.onabort = () => reject(transaction.error)
    })
  } finally {
    // Not kept open, because browsers lose connections of suspended pages.
    database.close()
  }
}

function openDatabase(): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
