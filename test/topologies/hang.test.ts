import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { type App, eventuallyStatus, startApp } from '../support/outage.js'
import { startSentinel, type Topology } from '../support/topologies.js'

const USERS = 10
const DOWN_AFTER_MS = 2000
const STALE_AFTER_MS = 5000
/** Longer than Sentinel needs to demote the old master. */
const WATCH_MS = Number(process.env.HANG_WATCH_SECONDS ?? 20) * 1000
/** How long the master hangs, in seconds. */
const HANGS = (process.env.HANG_SECONDS ?? '4,8.5,15').split(',').map(Number)

const CASES: Record<string, Partial<FastifyRefreshTokenOptions>> = {
  'default options': {},
  "onStale: 'deny'": { revocation: { onStale: 'deny' } },
  'replicas: 1': { durability: { replicas: 1 } },
  'reconnectOnFailover: false': { reconnectOnFailover: false },
  "mode: 'store'": { revocation: { mode: 'store' } },
  "mode: 'none'": { revocation: { mode: 'none' } }
}

/** Two processes with a client each, and users who logged in at the first one. */
interface Deployment {
  name: string
  first: App
  second: App
  users: Client[]
}

async function deploy(t: Test, topology: Topology<object>, name: string): Promise<Deployment> {
  const keyPrefix = `test:${randomUUID()}:`
  const open = () =>
    startApp(t, topology.connect() as never, { storeTimeout: '2s', keyPrefix, ...CASES[name] }, 'info')
  const [first, second] = await Promise.all([open(), open()])
  const users = Array.from({ length: USERS }, () => new Client(first.app))
  for (const [i, user] of users.entries()) {
    const status = await eventuallyStatus(() => user.login({ sub: `user-${i}` }))
    if (status !== 200) throw new Error(`login was ${status}`)
  }
  return { name, first, second, users }
}

for (const seconds of HANGS) {
  t.test(`Sentinel: logouts after a master has hung for ${seconds} s`, async (t) => {
    const topology = await startSentinel(t, { downAfterMs: DOWN_AFTER_MS })
    const deployments = await Promise.all(Object.keys(CASES).map((name) => deploy(t, topology, name)))
    await topology.waitForReplication()

    const { pid } = await topology.masterOf('')
    t.after(async () => void tryKill(pid, 'SIGCONT'))
    process.kill(pid, 'SIGSTOP')
    await sleep(seconds * 1000)
    process.kill(pid, 'SIGCONT')
    await sleep(1000)

    await Promise.all(deployments.map((deployment) => checkLogouts(t, deployment)))
    const masters = await topology.masters()
    t.equal(masters.length, 1, 'the old master was demoted')
  })
}

/**
 * A logout that was answered 200 must hold, in every process, at most `staleAfter` later. With mode 'none' this applies to
 * refresh tokens only.
 */
async function checkLogouts(t: Test, { name, first, second, users }: Deployment): Promise<void> {
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
  t.comment(`${name}: ${answered.length} of ${USERS} answered 200, accepted for ${Math.round(longestMs)} ms`)
  const areChecked = CASES[name]?.revocation?.mode !== 'none'
  t.ok(
    longestMs <= STALE_AFTER_MS || !areChecked,
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
  t.equal(sids.size, USERS, `${name}: each logout is reported`)
  t.ok(revoked.length <= USERS + answered.length, `${name}: reported ${revoked.length} times`)
}

function tryKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
