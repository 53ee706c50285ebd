import type { Channel, Locks } from '../../../lib/client/runtime.js'

interface LockRequest {
  grant(): void
}

/** Web Locks of one browser: each name has one holder, the other requests wait in a queue. */
export class FakeLocks implements Locks {
  /** Set to `true` to grant no lock any more, as if a frozen tab held it. */
  isStuck = false
  granted = 0
  readonly #queues = new Map<string, LockRequest[]>()

  async request<T>(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    await this.#acquire(name, signal)
    this.granted++
    try {
      return await work()
    } finally {
      const queue = this.#queues.get(name)
      queue?.shift()
      queue?.[0]?.grant()
    }
  }

  #acquire(name: string, signal: AbortSignal): Promise<void> {
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return new Promise((resolve, reject) => {
      const request: LockRequest = {
        grant() {
          signal.removeEventListener('abort', abort)
          resolve()
        }
      }
      const abort = () => {
        queue.splice(queue.indexOf(request), 1)
        reject(signal.reason)
      }
      queue.push(request)
      signal.addEventListener('abort', abort)
      if (queue.length === 1 && !this.isStuck) request.grant()
    })
  }
}

/** The channels of one browser. */
export class FakeChannels {
  readonly #schedule: (work: () => void) => void
  readonly #open = new Map<string, Set<FakeChannel>>()
  /** All messages, in order. */
  readonly messages: unknown[] = []

  /** @param schedule delivers a message later */
  constructor(schedule: (work: () => void) => void = queueMicrotask) {
    this.#schedule = schedule
  }

  readonly open = (name: string): Channel => {
    const channels = this.#open.get(name) ?? new Set()
    this.#open.set(name, channels)
    const channel = new FakeChannel((message) => {
      this.messages.push(message)
      for (const other of channels) if (other !== channel) this.#schedule(() => other.receive(message))
    })
    channels.add(channel)
    return channel
  }
}

class FakeChannel implements Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null
  readonly #broadcast: (message: unknown) => void
  #isClosed = false

  constructor(broadcast: (message: unknown) => void) {
    this.#broadcast = broadcast
  }

  receive(message: unknown): void {
    if (!this.#isClosed) this.onmessage?.({ data: message })
  }

  postMessage(message: unknown): void {
    if (this.#isClosed) throw new DOMException('The channel is closed', 'InvalidStateError')
    this.#broadcast(structuredClone(message))
  }

  close(): void {
    this.#isClosed = true
  }
}
