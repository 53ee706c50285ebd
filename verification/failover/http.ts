import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { type Deployment, STORE_TIMEOUT_MS } from './deployment.js'
import type { Operation, RunRecord } from './run-record.js'

const REQUEST_TIMEOUT_MS = 30_000
/** A request counts as hung if it takes longer than the store timeout and this margin, which allows for a slow machine. */
const MARGIN_MS = 5000
const PATHS: Record<Operation, string> = {
  login: '/auth/login',
  refresh: '/auth/refresh',
  logout: '/auth/logout',
  guarded: '/me'
}

export interface Response {
  /** 0 if there was no response. */
  status: number
  headers: IncomingHttpHeaders
  body: { access_token?: string; refresh_token?: string; code?: string }
  sentAtMs: number
  answeredAtMs: number
}

/** Sends requests to applications over sockets, and records the answers. */
export class Http {
  readonly #deployment: Deployment
  readonly #record: RunRecord
  readonly #agent = new Agent({ keepAlive: true })

  constructor(deployment: Deployment, record: RunRecord) {
    this.#deployment = deployment
    this.#record = record
  }

  async send(
    operation: Operation,
    app: number,
    headers: Record<string, string>,
    body?: object
  ): Promise<Response> {
    const url = this.#deployment.originOf(app) + PATHS[operation]
    const sentAtMs = performance.now()
    const reply = await this.#send(url, headers, body).catch(failedReply)
    const response = { ...reply, sentAtMs, answeredAtMs: performance.now() }
    this.#count(operation, app, response)
    return response
  }

  close(): void {
    this.#agent.destroy()
  }

  #count(operation: Operation, app: number, response: Response): void {
    const { status, headers, body, sentAtMs, answeredAtMs } = response
    const record = this.#record
    record.requests++
    if (answeredAtMs - sentAtMs > STORE_TIMEOUT_MS + MARGIN_MS) record.hung++
    if (status === 503) record.unavailable++
    if (status === 503 && !headers['retry-after']) record.withoutRetryAfter++
    const answer = { operation, app, status, code: body.code, sentAtMs, answeredAtMs }
    if (status === 200) record.accepted.push(answer)
    else if (status !== 401 && status !== 503) record.unexpected.push(answer)
  }

  #send(
    url: string,
    headers: Record<string, string>,
    body: object | undefined
  ): Promise<Pick<Response, 'status' | 'headers' | 'body'>> {
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        agent: this.#agent,
        method: body ? 'POST' : 'GET',
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        timeout: REQUEST_TIMEOUT_MS
      })
      sent.on('error', reject)
      sent.on('timeout', () => sent.destroy(new Error('no response')))
      sent.on('response', async (response) => {
        try {
          const text = (await response.toArray()).join('')
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text && JSON.parse(text)
          })
        } catch (error) {
          reject(error)
        }
      })
      sent.end(body && JSON.stringify(body))
    })
  }
}

/** Stands for a request without an answer. The code is that of the network error. */
function failedReply({
  code,
  message
}: NodeJS.ErrnoException): Pick<Response, 'status' | 'headers' | 'body'> {
  return { status: 0, headers: {}, body: { code: code ?? message } }
}
