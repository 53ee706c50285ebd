import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import {
  type FastifyRefreshTokenOptions,
  type RedisClient,
  RedisStore,
  type SessionStore
} from '../../lib/index.js'
import { requireBinary } from '../../lib/store/redis/run-script.js'
import { type AppUnderTest, buildApp } from './build-app.js'
import { Clock } from './clock.js'
import type { Owner } from './redis-server.js'

const host = '127.0.0.1'

export interface Proxy {
  readonly port: number
  /** The number of connections so far. */
  accepted(): number
  /** Breaks all connections. */
  cut(): void
  /** Breaks new connections immediately, until `accept`. */
  refuse(): void
  accept(): void
  /** Drops all data silently, also on new connections, until `thaw`. */
  freeze(): void
  thaw(): void
  /** Drops all data of the present connections silently, as if the other machine was gone. New ones work. */
  abandon(): void
  /** Delays each reply. */
  delay(ms: number): void
  /** Breaks all connections. New connections lead to another port. */
  leadTo(port: number): void
  /**
   * Forwards the next request that contains this text, and breaks its connection before the reply.
   * Resolves when the reply was lost. The server has executed the request.
   */
  loseReplyTo(text: string): Promise<void>
}

/** Starts a TCP proxy on a free loopback port. The test controls its connections. */
export async function startProxy(t: Owner, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let accepted = 0
  let isRefusing = false
  let isFrozen = false
  let delayMs = 0
  let upstreamPort = port
  let lossRule: { text: string; lost(): void } | undefined
  const server = createServer((client) => {
    accepted++
    if (isRefusing) return void client.destroy()
    const upstream = connect(upstreamPort, host)
    const forward = createForwarder(client, upstream)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(socket)
      socket.on('data', (chunk) => forward(socket, other, chunk))
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      if (isFrozen) socket.pause()
    }
  })
  /** Forwards the data of one connection, and delays or drops replies. */
  function createForwarder(client: Socket, upstream: Socket) {
    let lost: (() => void) | undefined
    let waiting = 0
    let written: Promise<unknown> = Promise.resolve()
    return (from: Socket, to: Socket, chunk: Buffer) => {
      if (from === client && lossRule && chunk.includes(lossRule.text)) {
        lost = lossRule.lost
        lossRule = undefined
      }
      if (from === client) return void to.write(chunk)
      if (lost) {
        upstream.destroy()
        return lost()
      }
      if (delayMs === 0 && waiting === 0) return void to.write(chunk)
      waiting++
      const delayed = sleep(delayMs)
      // Keeps the order if the delay changes.
      written = Promise.all([written, delayed]).then(() => {
        waiting--
        to.write(chunk)
      })
    }
  }
  server.listen(0, host)
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    cut,
    refuse() {
      isRefusing = true
    },
    accept() {
      isRefusing = false
    },
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    abandon() {
      for (const socket of sockets) socket.pause()
    },
    delay(ms) {
      delayMs = ms
    },
    leadTo(other) {
      upstreamPort = other
      cut()
    },
    loseReplyTo(text) {
      return new Promise((lost) => {
        lossRule = { text, lost }
      })
    }
  }
}

/** Returns the methods of a client that run scripts. */
function scriptsOf(redis: RedisClient) {
  const { evalsha, eval: run, evalshaBuffer, evalBuffer } = requireBinary(redis)
  return {
    evalsha: evalsha.bind(redis),
    eval: run.bind(redis),
    evalshaBuffer: evalshaBuffer.bind(redis),
    evalBuffer: evalBuffer.bind(redis)
  }
}

/** Returns a client whose duplicate, which reads the feed, uses another connection. */
export function withFeedClient(redis: RedisClient, other: RedisClient): RedisClient {
  return {
    isCluster: redis.isCluster ?? false,
    ...scriptsOf(redis),
    duplicate: other.duplicate.bind(other)
  }
}

export interface Node extends AppUnderTest {
  /** The methods of the store that were called. */
  calls: string[]
}

export interface Nodes {
  keyPrefix: string
  /** The key of the stream. */
  feed: string
  clock: Clock
  /** Starts another process, simulated by another application. */
  start(
    redis: RedisClient,
    options?: Partial<FastifyRefreshTokenOptions>,
    /** Methods that replace those of the store. */
    methods?: (store: SessionStore) => Partial<SessionStore>
  ): Promise<Node>
}

/** Starts applications with the same key prefix in one Redis. `Date` uses `clock`. Everything else is real. */
export function createNodes(t: Test, shared: Partial<FastifyRefreshTokenOptions> = {}): Nodes {
  const clock = new Clock()
  clock.nowMs = Date.now()
  const keyPrefix = `test:${randomUUID()}:`
  return {
    clock,
    keyPrefix,
    feed: `${keyPrefix}{feed}:revoked`,
    async start(redis, options, methods = () => ({})) {
      const calls: string[] = []
      const original = new RedisStore({ redis, keyPrefix })
      const replaced = methods(original)
      const store = new Proxy(original, {
        get(target, name) {
          const method: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name)
          if (typeof method !== 'function') return method
          return (...args: unknown[]) => {
            calls.push(String(name))
            return Reflect.apply(method, target, args)
          }
        }
      })
      const under = {
        store,
        clock,
        settled: async () => {},
        advance: async (ms: number) => clock.advance(ms),
        skew: (ms: number) => clock.advance(ms)
      }
      // Redis always replies, if late on a busy machine.
      const defaults = { storeTimeout: '30s' }
      return { calls, ...(await buildApp(t, { under, options: { ...defaults, ...shared, ...options } })) }
    }
  }
}
