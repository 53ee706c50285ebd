import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'
import { type Owner, startRedis } from '../support/redis-server.js'
import { LEAST_SECONDS, LIFETIMES } from './lifetimes.js'
import { type Growth, growthOf } from './memory-growth.js'
import type { Measured, Started } from './server.js'
import { Tally, User } from './user.js'

export interface Load {
  seconds: number
  connections: number
  /** The average pause of each user between two operations. */
  pauseMs: number
  seed: number
  log(line: string): void
}

export interface Row extends Measured {
  at: number
  operations: number
  redis: number
  keys: number
}

export interface Outcome {
  rows: Row[]
  tally: Tally
  /** The growth in the second half, or `null` if the run was too short. */
  growth: Record<'heapUsed' | 'rss' | 'redis', Growth> | null
}

const MB = 1024 * 1024
const MEASUREMENTS = 30
const LEAST_ALLOWED = { heapUsed: MB, rss: 8 * MB, redis: MB }
const LOADER = '--import=./scripts/ts-loader.mjs'

/** Runs users with mixed operations on an application in its own process, with its own Redis. */
export async function soak(t: Owner, load: Load): Promise<Outcome> {
  const server = await startRedis(t)
  const redis = server.client()
  const isChecked = load.seconds >= LEAST_SECONDS
  const app = fork(
    fileURLToPath(new URL('server.ts', import.meta.url)),
    [server.url, JSON.stringify(LIFETIMES), ...(isChecked ? ['fill'] : [])],
    {
      execArgv: [LOADER],
      cwd: fileURLToPath(new URL('../..', import.meta.url))
    }
  )
  t.after(async () => {
    if (app.connected) app.send('stop')
    if (app.exitCode === null) await once(app, 'exit')
  })
  const { port } = await receive<Started>(app)

  const tally = new Tally()
  const stopped = { is: false }
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections })
  const random = randomOf(load.seed)
  const environment = { port, agent, tally, lifetimes: LIFETIMES, random }
  const users = Array.from({ length: load.connections }, (_, i) =>
    runUser(new User(`user-${i}`, environment), { load, tally, stopped, random })
  )

  const rows: Row[] = []
  const startMs = performance.now()
  for (let i = 1; i <= MEASUREMENTS; i++) {
    const dueMs = (i * load.seconds * 1000) / MEASUREMENTS
    await sleep(Math.max(0, dueMs - (performance.now() - startMs)))
    app.send('measure')
    const { heapUsed, rss } = await receive<Measured>(app)
    const row = {
      at: (performance.now() - startMs) / 1000,
      operations: tally.total,
      heapUsed,
      rss,
      redis: await usedMemory(redis),
      keys: await redis.dbsize()
    }
    rows.push(row)
    load.log(lineOf(row))
  }
  stopped.is = true
  await Promise.all(users)
  agent.destroy()
  return { rows, tally, growth: isChecked ? growthIn(rows) : null }
}

async function runUser(
  user: User,
  {
    load,
    tally,
    stopped,
    random
  }: { load: Load; tally: Tally; stopped: { is: boolean }; random: () => number }
): Promise<void> {
  // Spreads the start of the users.
  await sleep(random() * load.pauseMs * 2)
  while (!stopped.is) {
    try {
      await user.act()
    } catch (error) {
      tally.report(String(error))
    }
    await sleep(random() * load.pauseMs * 2)
  }
}

async function receive<T>(app: ChildProcess): Promise<T> {
  const settled = new AbortController()
  const { signal } = settled
  const exited = once(app, 'exit', { signal }).then(([code]) => {
    throw new Error(`the application exited: ${code}`)
  })
  try {
    const [message] = await Promise.race([once(app, 'message', { signal }), exited])
    return message as T
  } finally {
    exited.catch(() => {})
    settled.abort()
  }
}

/** Returns the memory without the buffers of connected clients. */
async function usedMemory(redis: Redis): Promise<number> {
  const info = await redis.info('memory')
  const [all, buffers] = ['used_memory', 'mem_clients_normal'].map((name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  ) as [number, number]
  return all - buffers
}

function growthIn(rows: readonly Row[]): NonNullable<Outcome['growth']> {
  const half = rows.slice(rows.length / 2)
  const of = (name: keyof typeof LEAST_ALLOWED) =>
    growthOf(
      half.map((row) => ({ at: row.at, bytes: row[name] })),
      LEAST_ALLOWED[name]
    )
  return { heapUsed: of('heapUsed'), rss: of('rss'), redis: of('redis') }
}

export const TABLE_HEAD =
  '| s | operations | heap, MB | rss, MB | Redis, MB | keys |\n| ---: | ---: | ---: | ---: | ---: | ---: |'

export function lineOf({ at, operations, heapUsed, rss, redis, keys }: Row): string {
  const mb = [heapUsed, rss, redis].map((bytes) => (bytes / MB).toFixed(2))
  return `| ${[at.toFixed(0), operations, ...mb, keys].join(' | ')} |`
}

/** Mulberry32. Returns the same numbers for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
