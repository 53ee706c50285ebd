import type { Channel, Locks } from '../../../lib/client/runtime.js'

interface Waiting {
  grant(): void
}

/** Web Locks as a browser has them: one holder for each name, the others in a queue. */
export class FakeLocks implements Locks {
  /** Nobody gets a lock any more: a tab that has it was frozen. */
  isStuck = false
  granted = 0
  readonly #queues = new Map<string, Waiting[]>()

  async request<T>(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    await this.#turn(name, signal)
    this.granted++
    try {
      return await work()
    } finally {
      const queue = this.#queues.get(name)
      queue?.shift()
      queue?.[0]?.grant()
    }
  }

  #turn(name: string, signal: AbortSignal): Promise<void> {
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        grant() {
          signal.removeEventListener('abort', abort)
          resolve()
        }
      }
      const abort = () => {
        queue.splice(queue.indexOf(waiting), 1)
        reject(signal.reason)
      }
      queue.push(waiting)
      signal.addEventListener('abort', abort)
      if (queue.length === 1 && !this.isStuck) waiting.grant()
    })
  }
}

/** The channels of one browser. */
export class FakeChannels {
  readonly #after: (work: () => void) => void
  readonly #open = new Map<string, Set<FakeChannel>>()
  /** What was told, in its order. */
  readonly messages: unknown[] = []

  /** @param after when what was told arrives */
  constructor(after: (work: () => void) => void = queueMicrotask) {
    this.#after = after
  }

  readonly open = (name: string): Channel => {
    const channels = this.#open.get(name) ?? new Set()
    this.#open.set(name, channels)
    const channel = new FakeChannel((message) => {
      this.messages.push(message)
      for (const other of channels) if (other !== channel) this.#after(() => other.hear(message))
    })
    channels.add(channel)
    return channel
  }
}

class FakeChannel implements Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null
  readonly #tell: (message: unknown) => void
  #isClosed = false

  constructor(tell: (message: unknown) => void) {
    this.#tell = tell
  }

  hear(message: unknown): void {
    if (!this.#isClosed) this.onmessage?.({ data: message })
  }

  postMessage(message: unknown): void {
    if (this.#isClosed) throw new DOMException('the channel is closed', 'InvalidStateError')
    this.#tell(structuredClone(message))
  }

  close(): void {
    this.#isClosed = true
  }
}
