import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { Redis, type RedisOptions } from 'ioredis'
import type { Test } from 'tap'
import {
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  type RedisClient,
  RedisStore
} from '../../lib/index.js'
import { SECRET } from './build-app.js'
import { Client } from './client.js'
import { eventually } from './eventually.js'
import { StoreTimeout } from './store-timeout.js'

/** Each way in which a guarded route learns of a revocation. */
export const MODES = {
  none: { mode: 'none' },
  store: { mode: 'store' },
  allow: { mode: 'feed', staleAfter: '1s', onStale: 'allow' },
  deny: { mode: 'feed', staleAfter: '1s', onStale: 'deny' }
} as const satisfies Record<string, FastifyRefreshTokenOptions['revocation']>

export type Mode = keyof typeof MODES
export const ALL_MODES = Object.keys(MODES) as Mode[]

/** Short, for an application without a `StoreTimeout` whose store calls time out. */
const SHORT_TIMEOUT = '400ms'
/** Long, for faults in which Redis replies: a busy machine may be slow. */
export const LONG_TIMEOUT = '30s'
/** How long the first attempt after a fault waits. A Redis client may have dropped its command. */
const FIRST_ATTEMPT_MS = 500

/** Connects to a port until the test ends. */
export function connect(t: Test, port: number, options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const redis = new Redis({ host: '127.0.0.1', port, disconnectTimeout: 100, ...options })
  redis.on('error', () => {})
  t.after(() => redis.disconnect())
  return redis
}

export interface App {
  app: FastifyInstance
  logs: Record<string, unknown>[]
}

/** Starts an application as users have it: over their own client, on the real clocks. Keeps its log lines. */
export async function startApp(
  t: Test,
  redis: RedisClient,
  options: Partial<FastifyRefreshTokenOptions> = {},
  level = 'debug'
): Promise<App> {
  const logs: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logs.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ logger: { level, stream } })
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    redis,
    keyPrefix: `test:${randomUUID()}:`,
    storeTimeout: SHORT_TIMEOUT,
    login: ({ body }) => body as Identity,
    ...options
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return { app, logs }
}

/** Every operation, each by a user of its own. */
const OPERATIONS = {
  login: ({ newcomer }: Users) => newcomer.post('/login', { sub: 'newcomer' }),
  refresh: ({ refreshing }: Users) => refreshing.loseResponse(),
  guarded: ({ guarded }: Users) => guarded.call(),
  logout: ({ leaving }: Users) => leaving.copy().logout(),
  logoutAll: ({ everywhere }: Users) => postWithAccess(everywhere[0], '/auth/logout-all'),
  list: ({ listing }: Users) => listing.call('/auth/sessions'),
  remove: ({ removing: [device, other] }: Users) =>
    device.app.inject({
      method: 'DELETE',
      url: `/auth/sessions/${sidOf(other)}`,
      headers: device.accessHeaders()
    })
}

export type Operation = keyof typeof OPERATIONS
export type Statuses = Record<Operation, number>

/** The status of each operation if Redis does not work at all. */
export const DOWN: Record<Mode, Statuses> = {
  none: { ...all(503), guarded: 200 },
  store: all(503),
  allow: { ...all(503), guarded: 200 },
  deny: all(503)
}

/** The status of each operation if Redis reads but does not write. */
export const READ_ONLY: Record<Mode, Statuses> = {
  none: { ...all(503), guarded: 200, list: 200 },
  store: all(503),
  allow: { ...all(503), guarded: 200, list: 200 },
  deny: all(503)
}

export function all(status: number): Statuses {
  return Object.fromEntries(Object.keys(OPERATIONS).map((name) => [name, status])) as Statuses
}

interface Users {
  newcomer: Client
  refreshing: Client
  guarded: Client
  leaving: Client
  everywhere: [Client, Client]
  listing: Client
  removing: [Client, Client]
}

/** One application with logged-in users, in one revocation mode: what a fault meets. */
export class Scene {
  readonly mode: Mode
  readonly app: FastifyInstance
  readonly logs: Record<string, unknown>[]
  readonly keyPrefix: string
  readonly users: Users
  readonly #timeout: StoreTimeout

  private constructor(
    mode: Mode,
    { app, logs }: App,
    keyPrefix: string,
    timeout: StoreTimeout,
    users: Users
  ) {
    this.mode = mode
    this.app = app
    this.logs = logs
    this.keyPrefix = keyPrefix
    this.#timeout = timeout
    this.users = users
  }

  static async open(t: Test, redis: RedisClient, mode: Mode): Promise<Scene> {
    const keyPrefix = `test:${randomUUID()}:`
    const timeout = new StoreTimeout()
    const options = { keyPrefix, revocation: MODES[mode], storeTimeout: timeout.option }
    const app = await startApp(t, redis, options)
    const login = async (sub: string) => {
      const client = new Client(app.app)
      const status = await eventuallyStatus(() => client.login({ sub }), { timeout })
      if (status !== 200) throw new Error(`login was ${status}`)
      return client
    }
    return new Scene(mode, app, keyPrefix, timeout, {
      newcomer: new Client(app.app),
      refreshing: await login('refreshing'),
      guarded: await login('guarded'),
      leaving: await login('leaving'),
      everywhere: [await login('everywhere'), await login('everywhere')],
      listing: await login('listing'),
      removing: [await login('removing'), await login('removing')]
    })
  }

  /**
   * Waits until the feed is stale and stays so. Only in mode `deny` this changes what guarded routes do. A busy process may
   * see a stale feed before it handles a reply that arrived before the fault. After the interruption there is no such reply.
   */
  async stale(): Promise<void> {
    if (this.mode !== 'deny') return
    const count = (name: string) => this.logs.filter(({ event }) => event === name).length
    await eventually(() => count('revocation_feed_interrupted') > count('revocation_feed_recovered'))
    const call = () => this.#timeout.endUntil(this.users.listing.call())
    await eventually(async () => (await call()).statusCode === 503)
  }

  /** Sends all requests at once, during a fault in which Redis does not reply. */
  requestWithoutReplies(t: Test): Promise<Statuses> {
    return this.#timeout.endUntil(this.request(t))
  }

  /** Sends all requests at once. */
  async request(t: Test): Promise<Statuses> {
    const requests = Object.entries(OPERATIONS).map(async ([name, operation]) => {
      const response = await operation(this.users)
      checkResponse(t, `${this.mode}: ${name}`, response)
      return [name, response.statusCode]
    })
    return Object.fromEntries(await Promise.all(requests))
  }

  /**
   * Checks, after the fault, that no honest user was logged out and that every logout holds.
   * @param redis another client, which reads the store
   */
  async checkAfter(t: Test, redis: RedisClient, statuses: Statuses): Promise<void> {
    const { newcomer, refreshing, guarded, leaving, everywhere, listing, removing } = this.users
    const store = new RedisStore({ redis, keyPrefix: this.keyPrefix })
    const exists = (client: Client) => store.has(sidOf(client))
    const statusOf = (request: () => Promise<LightMyRequestResponse>) =>
      eventuallyStatus(request, { timeout: this.#timeout })

    t.equal(await statusOf(() => refreshing.copy().refresh()), 200, `${this.mode}: the same token refreshes`)
    t.equal(await statusOf(() => guarded.call()), 200, `${this.mode}: a guarded route responds`)
    t.equal(await statusOf(() => listing.call('/auth/sessions')), 200, `${this.mode}: the list responds`)
    t.ok(await exists(removing[0]), `${this.mode}: removing a device does not log out the other`)

    await eventually(async () => !(await exists(leaving)))
    t.equal(await statusOf(() => leaving.refresh()), 401, `${this.mode}: a logout holds`)
    if (this.mode !== 'none') t.equal(await statusOf(() => leaving.call()), 401)

    // If the guard could not verify the user, the route never ran.
    const isRevoked = statuses.logoutAll === 200 || statuses.guarded === 200
    for (const client of everywhere) {
      if (isRevoked) await eventually(async () => !(await exists(client)))
      else t.ok(await exists(client), `${this.mode}: a logout-all that the guard rejected changes nothing`)
    }
    // The route reads the device first. If that failed, it revokes nothing.
    if (statuses.list === 200) await eventually(async () => !(await exists(removing[1])))
    else t.ok(await exists(removing[1]), `${this.mode}: a device that could not be read stays`)
    if (statuses.login === 200) return
    await eventually(async () => (await store.list('newcomer')).length === 0)
    t.equal(await statusOf(() => newcomer.login({ sub: 'newcomer' })), 200, `${this.mode}: a login works`)
  }
}

/** A fault: breaks something, and returns the function that repairs it. */
export interface Fault {
  break(scenes: Scene[]): Promise<() => unknown>
  /** Whether the feed fails too. */
  silencesFeed: boolean
  /** Whether Redis still replies, if only with errors. */
  replies?: boolean
}

/**
 * Breaks Redis in every revocation mode at once, sends all requests, then repairs it and checks the result. Every
 * response arrives before the repair. A request that waits for it fails the test.
 */
export async function meet(
  t: Test,
  redis: RedisClient,
  direct: RedisClient,
  fault: Fault,
  expected: Record<Mode, Statuses>
): Promise<void> {
  const scenes = await Promise.all(ALL_MODES.map((mode) => Scene.open(t, redis, mode)))
  const repair = await fault.break(scenes)
  if (fault.silencesFeed) await Promise.all(scenes.map((scene) => scene.stale()))
  const statuses = await Promise.all(
    scenes.map((scene) => (fault.replies ? scene.request(t) : scene.requestWithoutReplies(t)))
  )
  for (const [i, { mode }] of scenes.entries()) {
    t.same(statuses[i], expected[mode], `the responses in mode ${mode}`)
  }
  await repair()
  await Promise.all(scenes.map((scene, i) => scene.checkAfter(t, direct, statuses[i] as Statuses)))
}

/** Every failed response of an outage is a 503 that says when to try again, and touches no cookie. */
function checkResponse(t: Test, name: string, response: LightMyRequestResponse): void {
  if (response.statusCode === 200) return
  t.equal(response.statusCode, 503, name)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE', name)
  t.equal(response.json().message, 'The session store is unavailable. Try again later', name)
  t.equal(response.headers['retry-after'], '1', name)
  t.equal(response.headers['set-cookie'], undefined, `${name}: cookies are untouched`)
}

interface RepeatOptions {
  /** The store timeout of the application, which ends for each attempt. Later attempts have more time. */
  timeout?: StoreTimeout
  withinMs?: number
}

/** Repeats a request until its status is not 503. */
export async function eventuallyStatus(
  request: () => Promise<LightMyRequestResponse>,
  { timeout, withinMs = 60_000 }: RepeatOptions = {}
): Promise<number> {
  const deadline = performance.now() + withinMs
  for (let attemptMs = FIRST_ATTEMPT_MS; ; attemptMs *= 2) {
    const limit = timeout && setInterval(() => timeout.end(), attemptMs)
    const { statusCode } = await request().finally(() => clearInterval(limit))
    if (statusCode !== 503 || performance.now() > deadline) return statusCode
    await sleep(20)
  }
}

export function postWithAccess(client: Client, url: string): Promise<LightMyRequestResponse> {
  return client.app.inject({ method: 'POST', url, headers: client.accessHeaders() })
}

export function sidOf({ jar }: Client): string {
  const payload = String(jar.accessToken).split('.')[1] as string
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).sid
}
