import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'

interface StoredCookie {
  name: string
  value: string
  path: string
}

/** Sends requests like a browser: keeps cookies by name, domain, path and partition, and sends all whose path matches. */
export class Browser {
  readonly #app: FastifyInstance
  readonly #cookies = new Map<string, StoredCookie>()

  constructor(app: FastifyInstance) {
    this.#app = app
  }

  /** The names, paths and values, longest path first, as a browser sends them (RFC 6265, section 5.4). */
  get cookies(): StoredCookie[] {
    return [...this.#cookies.values()].sort((a, b) => b.path.length - a.path.length)
  }

  /** The same browser after the application was deployed again. */
  visit(app: FastifyInstance): Browser {
    const browser = new Browser(app)
    for (const [key, cookie] of this.#cookies) browser.#cookies.set(key, cookie)
    return browser
  }

  async post(url: string, payload?: object): Promise<LightMyRequestResponse> {
    const response = await this.send(url, payload)
    this.receive(response)
    return response
  }

  /** Sends a request, and does not process its response yet. */
  send(url: string, payload?: object): Promise<LightMyRequestResponse> {
    const pairs = this.cookies
      .filter(({ path }) => url.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
    const request: InjectOptions = { method: 'POST', url, ...(payload && { payload }) }
    return this.#app.inject({ ...request, headers: pairs.length > 0 ? { cookie: pairs.join('; ') } : {} })
  }

  receive({ cookies }: LightMyRequestResponse): void {
    for (const { name, value, path = '/', domain = '', maxAge, ...others } of cookies) {
      const key = JSON.stringify([name, domain, path, others.partitioned === true])
      if (maxAge === 0) this.#cookies.delete(key)
      else this.#cookies.set(key, { name, value, path })
    }
  }
}
