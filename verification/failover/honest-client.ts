import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../simulation/random.js'
import type { Http, Response } from './http.js'
import type { LogoutWatch } from './logout-watch.js'
import type { RunRecord } from './run-record.js'
import { retryDelay, Tokens, type Transport } from './tokens.js'

/** How likely a client logs out after a refresh. */
const LOGOUT_PROBABILITY = 0.08
const CALL_PAUSE_MS = [200, 600] as const
const LOGIN_PAUSE_MS = [500, 1500] as const
const RELOAD_MS = [2000, 4000] as const

export interface HonestClientOptions {
  sub: string
  transport: Transport
  /** Whether the client refreshes every few seconds, as a page that is loaded again, or only after its token has expired. */
  reloads: boolean
  random: Random
}

/** A client with one session at a time. It alternates between the applications, and repeats what got 503. */
export class HonestClient {
  readonly #options: HonestClientOptions
  readonly #http: Http
  readonly #record: RunRecord
  readonly #watch: LogoutWatch
  readonly #apps: number
  #turn: number
  #tokens: Tokens | undefined
  #writesAtMs: number[] = []
  #refreshAtMs = 0

  constructor(options: HonestClientOptions, http: Http, record: RunRecord, watch: LogoutWatch, apps: number) {
    this.#options = options
    this.#http = http
    this.#record = record
    this.#watch = watch
    this.#apps = apps
    this.#turn = Math.floor(options.random.between(0, apps))
  }

  async live(end: AbortSignal): Promise<void> {
    while (!end.aborted) await (this.#tokens ? this.#use(this.#tokens) : this.#login())
  }

  /** Refreshes once more, which shows whether the store still has the session. */
  async checkSession(): Promise<void> {
    if (this.#tokens) await this.#refresh(this.#tokens)
  }

  async #login(): Promise<void> {
    const { sub, transport, random } = this.#options
    await sleep(random.between(...LOGIN_PAUSE_MS))
    const tokens = new Tokens(transport)
    const response = await this.#untilAnswered(tokens, 'login', { sub })
    if (response.status !== 200) return
    this.#tokens = tokens
    this.#writesAtMs = []
    this.#recordWrite(response)
  }

  async #use(tokens: Tokens): Promise<void> {
    const { random, reloads } = this.#options
    const response = await tokens.send(this.#http, 'guarded', this.#nextApp())
    const mustRefresh = response.status === 401 || (reloads && performance.now() > this.#refreshAtMs)
    if (mustRefresh && (await this.#refresh(tokens)) && random.chance(LOGOUT_PROBABILITY)) {
      await this.#logout(tokens)
    }
    await sleep(response.status === 503 ? retryDelay(response) : random.between(...CALL_PAUSE_MS))
  }

  /** @returns whether the session continues */
  async #refresh(tokens: Tokens): Promise<boolean> {
    const response = await this.#untilAnswered(tokens, 'refresh')
    if (response.status === 200) this.#recordWrite(response)
    if (response.status === 401) {
      this.#tokens = undefined
      const { code = 'unknown' } = response.body
      this.#record.lostSessions.push({ code, atMs: response.answeredAtMs, writesAtMs: this.#writesAtMs })
    }
    return response.status === 200
  }

  async #logout(tokens: Tokens): Promise<void> {
    const kept = tokens.copy()
    const { status, answeredAtMs } = await this.#untilAnswered(tokens, 'logout')
    this.#tokens = undefined
    if (status === 200) this.#watch.add(kept, { app: this.#turn % this.#apps, answeredAtMs })
  }

  /** Repeats a request while the server is unavailable. */
  async #untilAnswered(
    tokens: Tokens,
    operation: 'login' | 'refresh' | 'logout',
    body?: object
  ): Promise<Response> {
    for (;;) {
      const response = await tokens.send(this.#http, operation, this.#nextApp(), body)
      if (response.status !== 503 && response.status !== 0) return response
      await sleep(retryDelay(response))
    }
  }

  #recordWrite({ answeredAtMs }: Response): void {
    this.#writesAtMs.push(answeredAtMs)
    this.#refreshAtMs = answeredAtMs + this.#options.random.between(...RELOAD_MS)
  }

  #nextApp(): number {
    this.#turn = (this.#turn + 1) % this.#apps
    return this.#turn
  }
}
