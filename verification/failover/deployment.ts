import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { resolve } from 'node:path'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type { Cluster, Redis } from 'ioredis'
import type { FastifyRefreshTokenOptions, Identity } from '../../lib/index.js'
import { listen } from '../../test/support/build-app.js'
import { eventually } from '../../test/support/eventually.js'
import type { Owner } from '../../test/support/redis-server.js'
import type { RunRecord } from './run-record.js'

/** Longer than `revocation.staleAfter`, so that an access token can be accepted for too long. */
export const ACCESS_TOKEN_TTL_MS = 8000
/** The default of `revocation.staleAfter`. */
export const STALE_AFTER_MS = 5000
/** The default of `storeTimeout`. */
export const STORE_TIMEOUT_MS = 2000
/** A feed that was read in this time is certainly not stale, although the read may have started earlier. */
const FRESH_MS = STALE_AFTER_MS - 2000

const SECRET = 'a secret of thirty-two bytes, or more'
const FEED_READ = 'fastify-refresh-token:feed-read'
const LOGGED = /^(redis_|revocation_feed_|store_write_lost)/
const ERROR_LEVEL = 50

/** The number of the application whose code runs, because the messages of the channels do not contain it. */
const runningApp = new AsyncLocalStorage<number>()

/** The module of the plugin. Another checkout may export other types. */
type Plugin = typeof import('../../lib/index.js')

/** Applications that share a deployment of Redis, with a client each. */
export class Deployment {
  readonly #t: Owner
  readonly #plugin: Plugin
  readonly #record: RunRecord
  readonly #connect: () => Redis | Cluster
  readonly #origins: string[] = []
  readonly #feedReadAtMs: number[] = []

  /** @param folder the checkout whose plugin runs */
  static async open(
    t: Owner,
    folder: string,
    record: RunRecord,
    connect: () => Redis | Cluster
  ): Promise<Deployment> {
    const { href } = pathToFileURL(resolve(folder, 'lib/index.js'))
    return new Deployment(t, await import(href), record, connect)
  }

  private constructor(t: Owner, plugin: Plugin, record: RunRecord, connect: () => Redis | Cluster) {
    this.#t = t
    this.#plugin = plugin
    this.#record = record
    this.#connect = connect
    const onRead = () => {
      const app = runningApp.getStore()
      if (app !== undefined) this.#feedReadAtMs[app] = performance.now()
    }
    subscribe(FEED_READ, onRead)
    t.after(() => unsubscribe(FEED_READ, onRead))
  }

  get apps(): number {
    return this.#origins.length
  }

  originOf(app: number): string {
    return this.#origins[app % this.#origins.length] as string
  }

  /** Whether an application has read its feed shortly before. */
  isFresh(app: number): boolean {
    return performance.now() - (this.#feedReadAtMs[app] ?? Number.NEGATIVE_INFINITY) < FRESH_MS
  }

  /** Starts an application. @returns its number */
  async start(): Promise<number> {
    const number = this.#origins.length
    const origin = await runningApp.run(number, () => this.#listen(number))
    this.#origins.push(origin)
    // Without the context, the state of the feed would be unknown.
    await eventually(() => this.isFresh(number))
    return number
  }

  async #listen(number: number): Promise<string> {
    const app = Fastify({ logger: { level: 'info', stream: this.#logOf(number) } })
    this.#t.after(() => app.close())
    await app.register(this.#plugin.fastifyRefreshToken, {
      secret: SECRET,
      redis: this.#connect() as FastifyRefreshTokenOptions['redis'],
      accessToken: { ttl: ACCESS_TOKEN_TTL_MS / 1000 },
      transport: (request) => (request.headers['x-client'] === 'body' ? 'body' : 'cookie'),
      login: (request) => request.body as Identity
    } as FastifyRefreshTokenOptions)
    app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
    await app.ready()
    return listen(app)
  }

  #logOf(number: number): Writable {
    const record = this.#record
    return new Writable({
      write(chunk, _encoding, done) {
        const { level, event, msg, err } = JSON.parse(String(chunk))
        if (LOGGED.test(event)) record.addIncident(event, number)
        else if (level >= ERROR_LEVEL && err?.statusCode !== 503)
          record.addIncident(`error: ${err?.message ?? msg}`, number)
        done()
      }
    })
  }
}
