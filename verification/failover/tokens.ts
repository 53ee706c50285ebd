import type { Http, Response } from './http.js'
import type { Operation } from './run-record.js'

const COOKIE = '__Host-refresh_token'

export type Transport = 'cookie' | 'body'

/** The tokens of one session, as a client stores them. */
export class Tokens {
  readonly transport: Transport
  access = ''
  refresh = ''

  constructor(transport: Transport) {
    this.transport = transport
  }

  copy(): Tokens {
    return Object.assign(new Tokens(this.transport), this)
  }

  /** Sends a request with the tokens, and stores those of the response. */
  async send(http: Http, operation: Operation, app: number, body: object = {}): Promise<Response> {
    if (operation === 'guarded') return http.send(operation, app, { authorization: `Bearer ${this.access}` })
    const isCookie = this.transport === 'cookie'
    const headers: Record<string, string> = { 'x-client': this.transport }
    if (isCookie && this.refresh) headers.cookie = `${COOKIE}=${this.refresh}`
    const payload = isCookie || !this.refresh ? body : { ...body, refresh_token: this.refresh }
    const response = await http.send(operation, app, headers, payload)
    if (response.status === 200) this.#store(response)
    return response
  }

  #store({ headers, body }: Response): void {
    if (!body.access_token) return
    this.access = body.access_token
    const cookie = headers['set-cookie']?.find((text) => text.startsWith(`${COOKIE}=`))
    this.refresh = body.refresh_token ?? cookie?.slice(COOKIE.length + 1).split(';')[0] ?? this.refresh
  }
}

/** Returns the pause that the server asks for, or one second if there was no response. */
export function retryDelay({ headers }: Response): number {
  return 1000 * Number(headers['retry-after'] ?? 1)
}
