import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { Client } from './client.js'
import { eventually } from './eventually.js'
import { type App, eventuallyStatus, startApp } from './outage.js'
import type { RedisServer } from './redis-server.js'

const STALE_AFTER_MS = 5000
/** Longer than Sentinel needs to demote the old master. */
const WATCH_MS = Number(process.env.HANG_WATCH_SECONDS ?? 20) * 1000

/** Two processes with a client each, and users who logged in at the first one. */
export interface Deployment {
  name: string
  first: App
  second: App
  users: Client[]
  options: Partial<FastifyRefreshTokenOptions>
}

export interface DeploymentSettings {
  name: string
  connect(): Redis | Cluster
  subs: readonly string[]
  options?: Partial<FastifyRefreshTokenOptions>
}

export async function deploy(t: Test, settings: DeploymentSettings): Promise<Deployment> {
  const { name, connect, subs, options = {} } = settings
  const keyPrefix = `test:${randomUUID()}:`
  const open = () => startApp(t, connect() as never, { storeTimeout: '2s', keyPrefix, ...options }, 'info')
  const [first, second] = await Promise.all([open(), open()])
  const users = subs.map(() => new Client(first.app))
  for (const [i, user] of users.entries()) {
    const status = await eventuallyStatus(() => user.login({ sub: subs[i] }))
    if (status !== 200) throw new Error(`login was ${status}`)
  }
  return { name, first, second, users, options }
}

/** Stops a server for some time, as a machine that is paused. */
export async function hang(t: Test, { pid }: RedisServer, ms: number): Promise<void> {
  t.after(() => resume(pid))
  process.kill(pid, 'SIGSTOP')
  await sleep(ms)
  process.kill(pid, 'SIGCONT')
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // The server has stopped.
  }
}

/**
 * Logs all users out. A logout that was answered 200 must hold, in every process, at most `staleAfter` later. With mode
 * 'none' this applies to refresh tokens only.
 */
export async function checkLogouts(t: Test, deployment: Deployment): Promise<void> {
  const { name, first, second, users, options } = deployment
  const statuses = await Promise.all(users.map(async (user) => (await user.copy().logout()).statusCode))
  const answeredAt = performance.now()
  const answered = users.filter((_, i) => statuses[i] === 200)
  t.ok(
    statuses.every((status) => status === 200 || status === 503),
    `${name}: ${statuses}`
  )
  let longestMs = 0
  while (performance.now() - answeredAt < WATCH_MS) {
    for (const { app } of [first, second]) {
      for (const user of answered) {
        const { statusCode } = await new Client(app, {}, user.jar).call()
        if (statusCode === 200) longestMs = performance.now() - answeredAt
      }
    }
    await sleep(100)
  }
  const total = users.length
  t.comment(`${name}: ${answered.length} of ${total} answered 200, accepted for ${Math.round(longestMs)} ms`)
  t.ok(
    longestMs <= STALE_AFTER_MS || options.revocation?.mode === 'none',
    `${name}: access tokens were accepted for ${Math.round(longestMs)} ms`
  )
  for (const user of users) {
    const statusAt = ({ app }: App) => eventuallyStatus(() => new Client(app, {}, user.jar.copy()).refresh())
    if (answered.includes(user)) t.equal(await statusAt(second), 401, `${name}: the refresh token`)
    else await eventually(async () => (await statusAt(second)) === 401, WATCH_MS)
  }
  const revoked = [first, second].flatMap(({ logs }) =>
    logs.filter(({ event }) => event === 'session_revoked')
  )
  const sids = new Set(revoked.map(({ sid }) => sid))
  t.equal(sids.size, total, `${name}: each logout is reported`)
  t.ok(revoked.length <= total + answered.length, `${name}: reported ${revoked.length} times`)
}
