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
import { type AppUnderTest, buildApp } from './build-app.js'
import { Clock } from './clock.js'

const host = '127.0.0.1'

export interface Proxy {
  readonly port: number
  /** How many connections there have been. */
  accepted(): number
  /** Breaks all connections. */
  cut(): void
  /** New connections are broken at once, until `accept`. */
  refuse(): void
  accept(): void
  /** Nothing goes through any more, on new connections either, and nobody is told: until `thaw`. */
  freeze(): void
  thaw(): void
  /** Each answer is held back for so long. */
  delay(ms: number): void
  /** Breaks all connections; new ones lead to another port. */
  leadTo(port: number): void
  /**
   * The next request that holds this text goes through, and its connection breaks before the answer does.
   * Resolves when the answer was lost: what was asked for has happened.
   */
  loseAnswerTo(text: string): Promise<void>
}

/** A TCP proxy on a free loopback port, whose connections the test breaks. */
export async function startProxy(t: Test, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let accepted = 0
  let refuses = false
  let isFrozen = false
  let delayMs = 0
  let upstreamPort = port
  let losing: { text: string; lost(): void } | undefined
  const server = createServer((client) => {
    accepted++
    if (refuses) return void client.destroy()
    const upstream = connect(upstreamPort, host)
    const forward = answering(client, upstream)
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
  /** Passes on what one connection carries, but for what is to be late or lost. */
  function answering(client: Socket, upstream: Socket) {
    let lost: (() => void) | undefined
    let waiting = 0
    let written: Promise<unknown> = Promise.resolve()
    return (from: Socket, to: Socket, chunk: Buffer) => {
      if (from === client && losing && chunk.includes(losing.text)) {
        lost = losing.lost
        losing = undefined
      }
      if (from === client) return void to.write(chunk)
      if (lost) {
        upstream.destroy()
        return lost()
      }
      if (delayMs === 0 && waiting === 0) return void to.write(chunk)
      waiting++
      const held = sleep(delayMs)
      // In their order, when the delay is another one by then.
      written = Promise.all([written, held]).then(() => {
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
      refuses = true
    },
    accept() {
      refuses = false
    },
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    delay(ms) {
      delayMs = ms
    },
    leadTo(other) {
      upstreamPort = other
      cut()
    },
    loseAnswerTo(text) {
      return new Promise((lost) => {
        losing = { text, lost }
      })
    }
  }
}

/** A client whose commands go one way, and whose duplicate, which reads the feed, another. */
export function readingOver(redis: RedisClient, other: RedisClient): RedisClient {
  return {
    isCluster: redis.isCluster ?? false,
    evalsha: redis.evalsha.bind(redis),
    eval: redis.eval.bind(redis),
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
  /** One process more, as it were. It is ready. */
  start(
    redis: RedisClient,
    options?: Partial<FastifyRefreshTokenOptions>,
    /** Of the store, in place of its own. */
    methods?: (store: SessionStore) => Partial<SessionStore>
  ): Promise<Node>
}

/** Apps with the keys of one service in one Redis. `Date` stands still, unless `clock` is moved; the rest is real. */
export function nodesOf(t: Test, shared: Partial<FastifyRefreshTokenOptions> = {}): Nodes {
  const clock = new Clock()
  clock.nowMs = Date.now()
  const keyPrefix = `test:${randomUUID()}:`
  return {
    clock,
    keyPrefix,
    feed: `${keyPrefix}{feed}:revoked`,
    async start(redis, options, methods = () => ({})) {
      const calls: string[] = []
      const own = new RedisStore({ redis, keyPrefix })
      const others = methods(own)
      const store = new Proxy(own, {
        get(target, name) {
          const method: unknown = Reflect.get(others, name) ?? Reflect.get(target, name)
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
      return { calls, ...(await buildApp(t, { under, options: { ...shared, ...options } })) }
    }
  }
}
