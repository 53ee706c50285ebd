import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { eventually } from './eventually.js'
import { Fleet, type FleetClient } from './fleet.js'
import type { RedisServer } from './redis-server.js'
import { report } from './report.js'
import type { Topology } from './topologies.js'

const CLIENTS = 20
const PATIENCE_MS = 30_000

export interface Case<O> {
  /** Options of ioredis. */
  client: O
  options?: Partial<FastifyRefreshTokenOptions>
  /** The store may lose more than the rule can bear. */
  mayLogOut?: boolean
}

/**
 * Fleets of honest clients, one for each set of options, go through one failover, and none is logged out.
 * @param strike what happens to the master that has the feed
 * @param leadMs how long the clients work before
 */
export async function failOver<O>(
  t: Test,
  what: string,
  topology: Topology<O>,
  all: Record<string, Case<O>>,
  strike: (master: RedisServer) => unknown,
  leadMs = 4000
): Promise<void> {
  const fleets = await Fleet.launch(
    t,
    ...Object.entries(all).map(([name, { client, options }], i) => ({
      name,
      redis: topology.connect(client),
      options: { keyPrefix: `fleet-${i}:`, ...options },
      subs: Array.from({ length: CLIENTS }, (_, user) => `user-${user}`)
    }))
  )
  for (const fleet of fleets) fleet.drive()
  await sleep(leadMs)

  const feed = 'frt:{feed}:revoked'
  const master = await topology.masterOf(feed)
  await strike(master)
  await eventually(async () => (await topology.masterOf(feed).catch(() => master)) !== master, PATIENCE_MS)
  const before = fleets.map(({ counts }) => counts.refreshes)
  const staying = ({ clients }: Fleet) => clients.filter(({ isLoggedIn }) => isLoggedIn).length
  const goOn = () =>
    fleets.every((fleet, i) => fleet.counts.refreshes >= (before[i] as number) + 2 * staying(fleet))
  await eventually(goOn, PATIENCE_MS)
  await Promise.all(fleets.map((fleet) => fleet.rest()))

  for (const fleet of fleets) {
    report(t, what, fleet)
    await t.test(fleet.name, async (t) => {
      const { loggedOut, hung, unexplained, networkErrors } = fleet.counts
      const { FRT_ERR_SESSION_REVOKED: rolledBack, ...others } = loggedOut
      t.same(others, {}, 'no honest client is logged out')
      if (!all[fleet.name]?.mayLogOut) t.equal(rolledBack, undefined, 'none by a rollback')
      t.equal(hung, 0, 'every request is answered in time')
      t.equal(unexplained, 0, 'every 503 says when to try again')
      t.equal(networkErrors, 0)
    })
  }
  await t.test('a logout in one process reaches the guard of the other', async (t) => {
    await Promise.all(fleets.map((fleet) => logoutsArrive(t, fleet)))
  })
}

/** Half of the clients log out; the rest stay. */
async function logoutsArrive(t: Test, fleet: Fleet): Promise<void> {
  const clients = fleet.clients.filter(({ isLoggedIn }) => isLoggedIn)
  const [leaving, staying] = [clients.slice(0, CLIENTS / 2), clients.slice(CLIENTS / 2)]
  await Promise.all(clients.map((client) => client.refresh()))
  for (const status of await Promise.all(leaving.map((client) => client.logout(0)))) t.equal(status, 200)
  const isRefused = async (client: FleetClient) =>
    (await client.call(1)).body.code === 'FRT_ERR_SESSION_REVOKED'
  await Promise.all(leaving.map((client) => eventually(() => isRefused(client))))
  await Promise.all(staying.map((client) => client.work()))
  t.ok(staying.every(({ isLoggedIn }) => isLoggedIn))
}
