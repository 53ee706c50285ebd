import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import {
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  type RefreshEvent
} from '../../lib/index.js'
import { listen, SECRET } from './build-app.js'
import { eventually } from './eventually.js'
import { createAgent, type JsonReply, sendJson } from './json-request.js'

/** The store timeout of the applications. */
const STORE_TIMEOUT_MS = 2000
/** A request counts as hung if it takes longer than the timeout and this margin, which allows for a slow machine. */
const MARGIN_MS = 3000
const REQUEST_TIMEOUT_MS = 20_000
const COOKIE = '__Host-refresh_token'

/** What the clients and the applications have counted. */
export interface Counts {
  clients: number
  refreshes: number
  rotated: number
  replayed: number
  rollbacks: number
  unavailable: number
  /** A 503 without `Retry-After`. */
  unexplained: number
  networkErrors: number
  hung: number
  longestMs: number
  /** The number of honest clients that were logged out, by error code. */
  loggedOut: Record<string, number>
}

export interface FleetSettings {
  name: string
  redis: Redis | Cluster
  options?: Partial<FastifyRefreshTokenOptions>
  /** The subject of each client. */
  subs: string[]
}

/** Applications that share a Redis, and honest clients over real sockets. Half of the clients use cookies. */
export class Fleet {
  readonly name: string
  readonly counts: Counts
  readonly clients: FleetClient[] = []
  readonly #settings: FleetSettings
  readonly #apps: { origin: string; close(): Promise<void> }[] = []
  readonly #agent = createAgent()
  #isDriving = false
  #driven: Promise<unknown> = Promise.resolve()

  static launch(t: Test, ...all: FleetSettings[]): Promise<Fleet[]> {
    return Promise.all(all.map((settings) => new Fleet(settings).#launch(t)))
  }

  private constructor(settings: FleetSettings) {
    this.name = settings.name
    this.#settings = settings
    this.counts = {
      clients: settings.subs.length,
      ...{ refreshes: 0, rotated: 0, replayed: 0, rollbacks: 0, unavailable: 0, unexplained: 0 },
      ...{ networkErrors: 0, hung: 0, longestMs: 0, loggedOut: {} }
    }
  }

  async #launch(t: Test): Promise<Fleet> {
    const { redis, subs } = this.#settings
    t.after(async () => {
      await this.rest()
      this.#agent.destroy()
    })
    // Without an offline queue, a client that is not connected yet rejects every command.
    await eventually(() => redis.status === 'ready')
    for (let i = 0; i < 2; i++) await this.open(t)
    for (const [i, sub] of subs.entries()) {
      const client = new FleetClient(this, sub, i % 2 ? 'body' : 'cookie', i)
      await client.login()
      this.clients.push(client)
    }
    return this
  }

  /** Starts another application. @returns its number */
  async open(t: Test): Promise<number> {
    return this.#apps.push(await this.#start(t, this.#settings.redis)) - 1
  }

  /** Replaces an application, as a deployment does. The old one closes when the new one listens. */
  async replace(t: Test, app: number, redis: Redis | Cluster): Promise<void> {
    const old = this.#apps[app]
    this.#apps[app] = await this.#start(t, redis)
    await old?.close()
  }

  async #start(t: Test, redis: Redis | Cluster) {
    const { options } = this.#settings
    const app = Fastify()
    t.after(() => app.close())
    await app.register(fastifyRefreshToken, {
      secret: SECRET,
      redis,
      storeTimeout: STORE_TIMEOUT_MS / 1000,
      accessToken: { ttl: '2s' },
      refreshToken: { grace: 0.5 },
      login: (request) => request.body as Identity,
      transport: (request) => (request.headers['x-client'] === 'body' ? 'body' : 'cookie'),
      onRefresh: (event) => this.#onRefresh(event),
      ...options
    })
    app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
    await app.ready()
    return { origin: await listen(app), close: () => app.close() }
  }

  #onRefresh({ outcome, rollback }: RefreshEvent): void {
    this.counts[outcome]++
    if (rollback) this.counts.rollbacks++
  }

  /** Makes every client call a guarded route and refresh when necessary, until `rest`. */
  drive(): void {
    this.#isDriving = true
    this.#driven = Promise.all(
      this.clients.map(async (client) => {
        while (this.#isDriving && client.isLoggedIn) await client.work()
      })
    )
  }

  async rest(): Promise<void> {
    this.#isDriving = false
    await this.#driven
  }

  /** Sends a request of a client to one of the applications. */
  async send(
    app: number,
    path: string,
    headers: Record<string, string>,
    body?: object
  ): Promise<FleetResponse> {
    const before = performance.now()
    const response = await sendJson<FleetBody>(`${this.#apps[app % this.#apps.length]?.origin}${path}`, {
      agent: this.#agent,
      headers,
      body,
      timeoutMs: REQUEST_TIMEOUT_MS
    })
    const ms = performance.now() - before
    const { counts } = this
    if (response.status === 0) counts.networkErrors++
    if (response.status === 503) counts.unavailable++
    if (response.status === 503 && !response.headers['retry-after']) counts.unexplained++
    counts.longestMs = Math.max(counts.longestMs, Math.round(ms))
    if (ms > STORE_TIMEOUT_MS + MARGIN_MS) counts.hung++
    return response
  }
}

type FleetBody = { access_token?: string; refresh_token?: string; code?: string; sid?: string }
type FleetResponse = JsonReply<FleetBody>

/** An honest client of one session. It alternates between the applications. */
export class FleetClient {
  readonly sub: string
  readonly #fleet: Fleet
  readonly #transport: 'cookie' | 'body'
  #turn: number
  #accessToken = ''
  #refreshToken = ''
  #refreshAt = 0
  isLoggedIn = false

  constructor(fleet: Fleet, sub: string, transport: 'cookie' | 'body', turn: number) {
    this.#fleet = fleet
    this.sub = sub
    this.#transport = transport
    this.#turn = turn
  }

  async login(): Promise<void> {
    const response = await this.#post('/auth/login', { sub: this.sub })
    if (response.status !== 200) throw new Error(`login failed: ${JSON.stringify(response)}`)
    this.isLoggedIn = true
  }

  /** Calls a guarded route. Refreshes if the call was rejected or the token expires soon. */
  async work(): Promise<void> {
    if (performance.now() > this.#refreshAt) await this.refresh()
    if (!this.isLoggedIn) return
    const { status, headers, body } = await this.call()
    if (status === 401 && body.code !== 'FRT_ERR_ACCESS_TOKEN_EXPIRED') this.#end(body.code)
    else if (status === 401) await this.refresh()
    else await sleep(status === 200 ? 250 + 250 * this.#spread() : retryDelay(headers))
  }

  /** @param app the application to call, by default the next one */
  call(app = this.#turn++): Promise<FleetResponse> {
    return this.#fleet.send(app, '/me', { authorization: `Bearer ${this.#accessToken}` })
  }

  /** Sends the same token until the server returns a new one or ends the session. */
  async refresh(): Promise<void> {
    for (;;) {
      const response = await this.#post('/auth/refresh', {})
      if (response.status === 200) this.#fleet.counts.refreshes++
      if (response.status === 401) this.#end(response.body.code)
      if (response.status === 200 || response.status === 401) return
      await sleep(retryDelay(response.headers))
    }
  }

  async logout(app?: number): Promise<number> {
    const { status } = await this.#post('/auth/logout', {}, app)
    this.isLoggedIn = false
    return status
  }

  /** Presents the refresh token to one application and returns the response. */
  async present(app: number): Promise<FleetResponse> {
    return this.#post('/auth/refresh', {}, app)
  }

  async #post(path: string, body: object, app = this.#turn++): Promise<FleetResponse> {
    const isCookie = this.#transport === 'cookie'
    const headers: Record<string, string> = { 'x-client': this.#transport }
    if (isCookie && this.#refreshToken) headers.cookie = `${COOKIE}=${this.#refreshToken}`
    const payload = isCookie || !this.#refreshToken ? body : { ...body, refresh_token: this.#refreshToken }
    const response = await this.#fleet.send(app, path, headers, payload)
    if (response.status === 200) this.#storeTokens(response)
    return response
  }

  #storeTokens({ headers, body }: FleetResponse): void {
    if (!body.access_token) return
    this.#accessToken = body.access_token
    // Spreads the refreshes, because all tokens expire at full seconds.
    this.#refreshAt = performance.now() + 1000 + 2000 * this.#spread()
    const cookie = headers['set-cookie']?.find((text) => text.startsWith(`${COOKIE}=`))
    this.#refreshToken =
      body.refresh_token ?? cookie?.slice(COOKIE.length + 1).split(';')[0] ?? this.#refreshToken
  }

  /** Returns a number between 0 and 1 that differs at each turn and is the same in each run. */
  #spread(): number {
    return (this.#turn * 0.618) % 1
  }

  #end(code = 'unknown'): void {
    this.isLoggedIn = false
    const { loggedOut } = this.#fleet.counts
    loggedOut[code] = (loggedOut[code] ?? 0) + 1
  }
}

/** Returns the pause that the server asks for, or one second if the network failed. */
function retryDelay(headers: FleetResponse['headers']): number {
  return 1000 * Number(headers['retry-after'] ?? 1)
}
