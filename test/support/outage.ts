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

/** Each way in which a guarded route learns that a session has ended. */
export const MODES = {
  none: { mode: 'none' },
  store: { mode: 'store' },
  allow: { mode: 'feed', staleAfter: '1s', onStale: 'allow' },
  deny: { mode: 'feed', staleAfter: '1s', onStale: 'deny' }
} as const satisfies Record<string, FastifyRefreshTokenOptions['revocation']>

export type Mode = keyof typeof MODES
export const ALL_MODES = Object.keys(MODES) as Mode[]

export const STORE_TIMEOUT_MS = 400
/** What a request may take beside the store: the machine may be busy. */
const MARGIN_MS = 1500

/** A client of whatever listens on a port, which ends with the test. */
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

/** The plugin as users have it: over a client of theirs, on the real clocks. */
export async function startApp(
  t: Test,
  redis: RedisClient,
  options: Partial<FastifyRefreshTokenOptions> = {},
  /** What is logged is kept: not where there is much of it. */
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
    storeTimeout: `${STORE_TIMEOUT_MS}ms`,
    login: ({ body }) => body as Identity,
    ...options
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return { app, logs }
}

/** What is asked for, each by a user of its own. */
const OPERATIONS = {
  login: ({ newcomer }: Users) => newcomer.post('/login', { sub: 'newcomer' }),
  refresh: ({ refreshing }: Users) => refreshing.loseAnswer(),
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

interface Answer {
  response: LightMyRequestResponse
  ms: number
}

/** All that an app is asked for, when Redis answers nothing. */
export const DOWN: Record<Mode, Statuses> = {
  none: { ...all(503), guarded: 200 },
  store: all(503),
  allow: { ...all(503), guarded: 200 },
  deny: all(503)
}

/** What an app answers over a Redis that reads and does not write. */
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

/** An app of one mode, and users who are logged in: what an outage meets. */
export class Scene {
  readonly mode: Mode
  readonly app: FastifyInstance
  readonly logs: Record<string, unknown>[]
  readonly keyPrefix: string
  readonly users: Users

  private constructor(mode: Mode, { app, logs }: App, keyPrefix: string, users: Users) {
    this.mode = mode
    this.app = app
    this.logs = logs
    this.keyPrefix = keyPrefix
    this.users = users
  }

  static async open(
    t: Test,
    redis: RedisClient,
    mode: Mode,
    options: Partial<FastifyRefreshTokenOptions> = {}
  ): Promise<Scene> {
    const keyPrefix = `test:${randomUUID()}:`
    const app = await startApp(t, redis, { keyPrefix, revocation: MODES[mode], ...options })
    const login = async (sub: string) => {
      const client = new Client(app.app)
      const status = await eventuallyStatus(() => client.login({ sub }))
      if (status !== 200) throw new Error(`login was ${status}`)
      return client
    }
    return new Scene(mode, app, keyPrefix, {
      newcomer: new Client(app.app),
      refreshing: await login('refreshing'),
      guarded: await login('guarded'),
      leaving: await login('leaving'),
      everywhere: [await login('everywhere'), await login('everywhere')],
      listing: await login('listing'),
      removing: [await login('removing'), await login('removing')]
    })
  }

  /** With `deny`, that is when guarded routes begin to ask the store; elsewhere nothing changes. */
  async stale(): Promise<void> {
    if (this.mode !== 'deny') return
    await eventually(async () => (await this.users.listing.call()).statusCode === 503)
  }

  /** Asks for everything at once. */
  async ask(t: Test, storeTimeoutMs = STORE_TIMEOUT_MS): Promise<Statuses> {
    const asked = Object.entries(OPERATIONS).map(async ([name, operation]) => {
      const answer = await timed(() => operation(this.users))
      checkAnswer(t, `${this.mode}: ${name}`, answer, storeTimeoutMs)
      return [name, answer.response.statusCode]
    })
    return Object.fromEntries(await Promise.all(asked))
  }

  /**
   * After the outage: nobody honest was logged out, and who logged out is.
   * @param redis another client: the answers are those of the store
   */
  async checkAfter(t: Test, redis: RedisClient, answers: Statuses): Promise<void> {
    const { newcomer, refreshing, guarded, leaving, everywhere, listing, removing } = this.users
    const store = new RedisStore({ redis, keyPrefix: this.keyPrefix })
    const lives = (client: Client) => store.has(sidOf(client))
    const patient = (ask: () => Promise<LightMyRequestResponse>) => eventuallyStatus(ask, 20_000)

    t.equal(await patient(() => refreshing.copy().refresh()), 200, `${this.mode}: the same token refreshes`)
    t.equal(await patient(() => guarded.call()), 200, `${this.mode}: a guarded route lets in`)
    t.equal(await patient(() => listing.call('/auth/sessions')), 200, `${this.mode}: the list is shown`)
    t.ok(await lives(removing[0]), `${this.mode}: who removed a device stays logged in`)

    await eventually(async () => !(await lives(leaving)), 20_000)
    t.equal(await patient(() => leaving.refresh()), 401, `${this.mode}: a logout holds`)
    if (this.mode !== 'none') t.equal(await patient(() => leaving.call()), 401)

    // Where the guard could not let anybody in, nobody knows who asked.
    const isMeant = answers.logoutAll === 200 || answers.guarded === 200
    for (const client of everywhere) {
      if (isMeant) await eventually(async () => !(await lives(client)), 20_000)
      else t.ok(await lives(client), `${this.mode}: a logout everywhere that nobody was let in for`)
    }
    // A device is looked up first: only then is it known what to end.
    if (answers.list === 200) await eventually(async () => !(await lives(removing[1])), 20_000)
    else t.ok(await lives(removing[1]), `${this.mode}: a device that was not looked up`)
    if (answers.login === 200) return
    await eventually(async () => (await store.list('newcomer')).length === 0, 20_000)
    t.equal(await patient(() => newcomer.login({ sub: 'newcomer' })), 200, `${this.mode}: a login works`)
  }
}

/** A fault: breaks something, and gives what mends it. */
export interface Fault {
  break(scenes: Scene[]): Promise<() => unknown>
  /** Whether the feed falls silent too. */
  silencesFeed: boolean
}

/** The fault meets each mode at once; then it is mended, and all is as it should be. */
export async function meet(
  t: Test,
  redis: RedisClient,
  direct: RedisClient,
  fault: Fault,
  expected: Record<Mode, Statuses>
): Promise<void> {
  const scenes = await Promise.all(ALL_MODES.map((mode) => Scene.open(t, redis, mode)))
  const mend = await fault.break(scenes)
  if (fault.silencesFeed) await Promise.all(scenes.map((scene) => scene.stale()))
  const answers = await Promise.all(scenes.map((scene) => scene.ask(t)))
  for (const [i, { mode }] of scenes.entries())
    t.same(answers[i], expected[mode], `the answers in mode ${mode}`)
  await mend()
  await Promise.all(scenes.map((scene, i) => scene.checkAfter(t, direct, answers[i] as Statuses)))
}

async function timed(ask: () => Promise<LightMyRequestResponse>): Promise<Answer> {
  const since = performance.now()
  const response = await ask()
  return { response, ms: performance.now() - since }
}

/** What every answer of an outage is: a 503 that says when to try again and touches no cookie, in time. */
function checkAnswer(t: Test, name: string, { response, ms }: Answer, storeTimeoutMs: number): void {
  t.ok(ms < storeTimeoutMs + MARGIN_MS, `${name} took ${Math.round(ms)} ms`)
  if (response.statusCode === 200) return
  t.equal(response.statusCode, 503, name)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE', name)
  t.equal(response.json().message, 'The session store is not available: try again', name)
  t.equal(response.headers['retry-after'], '1', name)
  t.equal(response.headers['set-cookie'], undefined, `${name}: cookies are untouched`)
}

/** What it is answered once it is no 503 any more. */
export async function eventuallyStatus(
  ask: () => Promise<LightMyRequestResponse>,
  withinMs = 10_000
): Promise<number> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const { statusCode } = await ask()
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
