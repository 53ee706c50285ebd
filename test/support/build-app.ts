import { once } from 'node:events'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import {
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  type SessionStore
} from '../../lib/index.js'
import { openMemoryStore, type StoreUnderTest } from './stores.js'

export const SECRET = 'a secret of thirty-two bytes, or more'

interface Body {
  refresh_token?: string
}

export interface AppUnderTest extends StoreUnderTest {
  app: FastifyInstance
  /** The log lines, parsed. */
  logs: Record<string, unknown>[]
  /** The log lines, as written. */
  rawLogs(): string
}

export interface BuildOptions {
  options?: Partial<FastifyRefreshTokenOptions>
  server?: FastifyServerOptions
  under?: StoreUnderTest
  /** Called before the plugin is registered. */
  prepare?(app: FastifyInstance): unknown
  /** Called after the plugin is registered, to add routes. */
  extend?(app: FastifyInstance): unknown
}

/**
 * Builds an application with one guarded route. `POST /auth/login` accepts any identity in the body, such as
 * `{ "sub": "ada" }`. `Date` uses the clock of the store.
 */
export async function buildApp(t: Test, build: BuildOptions = {}): Promise<AppUnderTest> {
  const under = build.under ?? openMemoryStore()
  under.clock.mockDate(t)
  const lines: string[] = []
  const logs: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      logs.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ logger: { level: 'debug', stream }, ...build.server })
  t.after(() => app.close())
  await build.prepare?.(app)
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    store: under.store,
    login: (request) => {
      const { refresh_token: _, ...identity } = (request.body ?? {}) as Partial<Identity> & Body
      return identity.sub ? { ...identity, sub: identity.sub } : null
    },
    ...build.options
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await build.extend?.(app)
  await app.ready()
  return {
    ...under,
    app,
    logs,
    rawLogs: () => lines.join('')
  }
}

/** Listens on a free loopback port and returns the origin. */
export async function listen(app: FastifyInstance): Promise<string> {
  app.server.listen(0, '127.0.0.1')
  await once(app.server, 'listening')
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

/** Overrides methods of a store. A test can change `methods` at any time, for example to simulate an outage. */
export function overriding(under: StoreUnderTest, methods: Partial<SessionStore>): StoreUnderTest {
  const store = new Proxy(under.store, {
    get(target, name) {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof method === 'function' ? method.bind(target) : method
    }
  })
  return { ...under, store }
}

const fail = async (): Promise<never> => {
  throw new Error('connect ECONNREFUSED')
}

/** The methods of a store that is unavailable. */
export const DOWN: Readonly<SessionStore> = {
  create: fail,
  rotate: fail,
  confirm: fail,
  update: fail,
  get: fail,
  has: fail,
  now: fail,
  list: fail,
  revoke: fail,
  revokeAll: fail
}
