import type { FastifyInstance } from 'fastify'
import type { VirtualTime } from './virtual-time.js'

const COOKIE = '__Host-refresh_token'
/** What breaks off without a word is told by the network, some time. */
const BROKEN_MS = 30_000

/** What the network does to one request. */
export interface Fate {
  /** Milliseconds to the server, and back. */
  outMs: number
  backMs: number
  /** `cut`: the headers come, the cookie with them, and the body does not. */
  loses: 'nothing' | 'request' | 'answer' | 'cut'
  /** What is lost is not told either: the client waits. */
  isSilent: boolean
}

/** The cookies of one browser, which all its tabs share. */
export class CookieJar {
  #value: string | undefined

  get header(): Record<string, string> {
    return this.#value === undefined ? {} : { cookie: `${COOKIE}=${this.#value}` }
  }

  keep(setCookie: string | string[] | undefined): void {
    for (const line of [setCookie ?? []].flat()) {
      const value = line.match(`^${COOKIE}=([^;]*)`)?.[1]
      if (value !== undefined) this.#value = value || undefined
    }
  }
}

/** A network between the tabs of one browser and an app, which asks for the fate of each request. */
export class LossyNetwork {
  readonly jar = new CookieJar()
  requests = 0
  lost = 0
  /** Requests that the app is at. */
  underWay = 0
  readonly #app: FastifyInstance
  readonly #time: VirtualTime
  readonly #fate: () => Fate

  constructor(app: FastifyInstance, time: VirtualTime, fate: () => Fate) {
    this.#app = app
    this.#time = time
    this.#fate = fate
  }

  /** The `fetch` of one tab. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const { signal } = init ?? {}
    const fate = this.#fate()
    this.requests++
    if (fate.loses !== 'nothing') this.lost++
    // The cookie goes as it is when the request is sent, however long that takes.
    const headers = { ...this.jar.header, ...Object.fromEntries(new Headers(init?.headers)) }
    await this.#pass(fate.outMs, signal)
    if (fate.loses === 'request') return this.#break(fate, signal)
    const answer = await this.#ask(String(input), init, headers)
    await this.#pass(fate.backMs, signal)
    if (fate.loses === 'answer') return this.#break(fate, signal)
    this.jar.keep(answer.headers['set-cookie'])
    const body = fate.loses === 'cut' ? cut() : answer.body
    return new Response(body, { status: answer.statusCode, headers: headersOf(answer.headers) })
  }

  async #ask(url: string, init: RequestInit | undefined, headers: Record<string, string>) {
    const { pathname } = new URL(url)
    this.underWay++
    try {
      return await this.#app.inject({
        method: (init?.method ?? 'GET') as 'GET',
        url: pathname,
        headers,
        ...(typeof init?.body === 'string' && { payload: init.body })
      })
    } finally {
      this.underWay--
    }
  }

  async #break({ isSilent }: Fate, signal: AbortSignal | null | undefined): Promise<never> {
    if (isSilent) await this.#pass(BROKEN_MS, signal)
    throw new TypeError('network error')
  }

  /** What is aborted meanwhile is given up: the server may hear it, and nobody hears the answer. */
  #pass(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
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

function cut(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) })
}

function headersOf(headers: Record<string, unknown>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name === 'set-cookie' ? [] : [[name, String(value)] as [string, string]]
  )
}
