import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../simulation/random.js'
import { ACCESS_TOKEN_TTL_MS, type Deployment, STALE_AFTER_MS } from './deployment.js'
import type { Http, Response } from './http.js'
import type { Logout, RunRecord } from './run-record.js'
import { retryDelay, type Tokens } from './tokens.js'

const PERIOD_MS = 500
/** How many refresh tokens are presented at the same time at the end. */
const PARALLEL = 10

interface Watched {
  tokens: Tokens
  logout: Logout
}

/** Uses the tokens of sessions whose logout was answered 200, and records when they are accepted. */
export class LogoutWatch {
  readonly #deployment: Deployment
  readonly #http: Http
  readonly #record: RunRecord
  readonly #random: Random
  readonly #watched: Watched[] = []
  readonly #running = new Set<Promise<void>>()

  constructor(deployment: Deployment, http: Http, record: RunRecord, seed: number) {
    this.#deployment = deployment
    this.#http = http
    this.#record = record
    this.#random = new Random('logouts', seed)
  }

  add(tokens: Tokens, logout: Logout): void {
    const watched = { tokens, logout }
    this.#record.logouts.push(logout)
    this.#watched.push(watched)
    const running = this.#follow(watched).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Waits for the running checks, and presents all refresh tokens to an application. */
  async finish(app: number): Promise<void> {
    await Promise.all(this.#running)
    const waiting = [...this.#watched]
    const presentAll = async () => {
      for (let next = waiting.pop(); next; next = waiting.pop()) await this.#present(next, app)
    }
    await Promise.all(Array.from({ length: PARALLEL }, presentAll))
  }

  async #follow(watched: Watched): Promise<void> {
    const { tokens, logout } = watched
    // Presenting a refresh token may revoke the session again. Half of the sessions show what happens without this.
    const presents = this.#random.chance(0.5)
    while (performance.now() - logout.answeredAtMs < ACCESS_TOKEN_TTL_MS) {
      for (let app = 0; app < this.#deployment.apps; app++) {
        const response = await tokens.send(this.#http, 'guarded', app)
        if (response.status === 200) this.#accepted(logout, 'access', app, response)
      }
      await sleep(PERIOD_MS)
    }
    if (presents) await this.#present(watched, Math.floor(this.#random.between(0, this.#deployment.apps)))
  }

  async #present({ tokens, logout }: Watched, app: number): Promise<void> {
    await sleep(Math.max(0, logout.answeredAtMs + STALE_AFTER_MS - performance.now()))
    for (;;) {
      const response = await tokens.copy().send(this.#http, 'refresh', app)
      if (response.status === 200) this.#accepted(logout, 'refresh', app, response)
      if (response.status !== 503 && response.status !== 0) return
      await sleep(retryDelay(response))
    }
  }

  #accepted(logout: Logout, token: 'access' | 'refresh', app: number, { sentAtMs }: Response): void {
    const afterMs = sentAtMs - logout.answeredAtMs
    this.#record.acceptances.push({ logout, token, app, afterMs, isFresh: this.#deployment.isFresh(app) })
  }
}
