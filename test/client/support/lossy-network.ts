import type { FastifyInstance } from 'fastify'
import type { VirtualTime } from './virtual-time.js'

const COOKIE = '__Host-refresh_token'
/** The network reports a silent failure after this time. */
const NETWORK_TIMEOUT_MS = 30_000

/** The behavior of the network for one request. */
export interface Delivery {
  /** The latency of the request and of the response. */
  requestMs: number
  responseMs: number
  /** `cut`: the headers with the cookie arrive, and the body does not. */
  loses: 'nothing' | 'request' | 'response' | 'cut'
  /** If `true`, the client is not notified of the loss and waits. */
  isSilent: boolean
}

/** The cookies that all tabs of one browser share. */
export class CookieJar {
  #value: string | undefined

  get header(): Record<string, string> {
    return this.#value === undefined ? {} : { cookie: `${COOKIE}=${this.#value}` }
  }

  store(setCookie: string | string[] | undefined): void {
    for (const line of [setCookie ?? []].flat()) {
      const value = line.match(`^${COOKIE}=([^;]*)`)?.[1]
      if (value !== undefined) this.#value = value || undefined
    }
  }
}

/** A network between the tabs of one browser and an application. A callback decides the delivery of each request. */
export class LossyNetwork {
  readonly jar = new CookieJar()
  requests = 0
  lost = 0
  /** The number of requests that the application is processing. */
  inFlight = 0
  readonly #app: FastifyInstance
  readonly #time: VirtualTime
  readonly #nextDelivery: () => Delivery

  constructor(app: FastifyInstance, time: VirtualTime, nextDelivery: () => Delivery) {
    this.#app = app
    this.#time = time
    this.#nextDelivery = nextDelivery
  }

  /** The `fetch` of one tab. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const { signal } = init ?? {}
    const delivery = this.#nextDelivery()
    this.requests++
    if (delivery.loses !== 'nothing') this.lost++
    // The cookie is read when the request is sent, not when it arrives.
    const headers = { ...this.jar.header, ...Object.fromEntries(new Headers(init?.headers)) }
    await this.#wait(delivery.requestMs, signal)
    if (delivery.loses === 'request') return this.#break(delivery, signal)
    const response = await this.#inject(String(input), init, headers)
    await this.#wait(delivery.responseMs, signal)
    if (delivery.loses === 'response') return this.#break(delivery, signal)
    this.jar.store(response.headers['set-cookie'])
    const body = delivery.loses === 'cut' ? cutBody() : response.body
    return new Response(body, { status: response.statusCode, headers: headersOf(response.headers) })
  }

  async #inject(url: string, init: RequestInit | undefined, headers: Record<string, string>) {
    const { pathname } = new URL(url)
    this.inFlight++
    try {
      return await this.#app.inject({
        method: (init?.method ?? 'GET') as 'GET',
        url: pathname,
        headers,
        ...(typeof init?.body === 'string' && { payload: init.body })
      })
    } finally {
      this.inFlight--
    }
  }

  async #break({ isSilent }: Delivery, signal: AbortSignal | null | undefined): Promise<never> {
    if (isSilent) await this.#wait(NETWORK_TIMEOUT_MS, signal)
    throw new TypeError('network error')
  }

  /** Waits, and rejects if the request is aborted. The server may still process the request. */
  #wait(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#time.after(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = () => {
        cancel()
        reject(signal?.reason)
      }
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }
}

function cutBody(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) })
}

function headersOf(headers: Record<string, unknown>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name === 'set-cookie' ? [] : [[name, String(value)] as [string, string]]
  )
}
