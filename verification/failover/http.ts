import { createAgent, type JsonReply, sendJson } from '../../test/support/json-request.js'
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

type Body = { access_token?: string; refresh_token?: string; code?: string }

export interface Response extends JsonReply<Body> {
  sentAtMs: number
  answeredAtMs: number
}

/** Sends requests to applications over sockets, and records the answers. */
export class Http {
  readonly #deployment: Deployment
  readonly #record: RunRecord
  readonly #agent = createAgent()

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
    const reply = await sendJson<Body>(url, {
      agent: this.#agent,
      headers,
      body,
      timeoutMs: REQUEST_TIMEOUT_MS
    })
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
}
