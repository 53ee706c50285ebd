import { UnavailableError } from './errors.js'
import { type Environment, limit } from './runtime.js'
import type { IssuedToken } from './session-state.js'

const ANSWER_TIMEOUT_MS = 10_000

/** A `POST` of ours, and what a script can read of its answer. */
export interface Answer {
  status: number
  body: Record<string, unknown>
  retryAfterMs: number
}

export interface AskInit {
  headers?: Record<string, string>
  signal?: AbortSignal
  /** It is sent also where the page goes away meanwhile. */
  keepalive?: boolean
}

/** The routes of the plugin. */
export class Server {
  readonly #environment: Environment
  readonly #base: string
  readonly #credentials: 'include' | 'omit'

  constructor(environment: Environment, base: string, usesCookie: boolean) {
    this.#environment = environment
    this.#base = base
    this.#credentials = usesCookie ? 'include' : 'omit'
  }

  post(address: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    return this.#environment.fetch(address, {
      ...init,
      method: 'POST',
      credentials: this.#credentials,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json', ...init.headers },
        body: JSON.stringify(body)
      })
    })
  }

  /** @throws `UnavailableError` where no answer came in time: nobody knows whether the server heard it */
  ask(route: string, body?: unknown, { signal: ended, ...init }: AskInit = {}): Promise<Answer> {
    const { signal, cancel } = limit(this.#environment, ANSWER_TIMEOUT_MS, ended)
    return this.#exchange(route, body, { ...init, signal })
      .catch((cause) => {
        throw new UnavailableError('the server did not answer', { cause })
      })
      .finally(cancel)
  }

  async #exchange(route: string, body: unknown, init: RequestInit): Promise<Answer> {
    const response = await this.post(this.#base + route, body, init)
    return {
      status: response.status,
      body: (await readJson(response)) ?? {},
      retryAfterMs: Math.max(0, Number(response.headers.get('retry-after'))) * 1000 || 0
    }
  }
}

/** The object of a JSON body; undefined for what is none. What breaks off rejects. */
export async function readJson(response: Response): Promise<Record<string, unknown> | undefined> {
  const text = await response.text()
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The access token of RFC 6749 section 5.1, if that is what it is. */
export function issuedToken(body: Record<string, unknown> | undefined): IssuedToken | undefined {
  const { access_token: value, expires_in: seconds } = body ?? {}
  if (typeof value !== 'string' || typeof seconds !== 'number') return undefined
  return { value, validMs: seconds * 1000 }
}
