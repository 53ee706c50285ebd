import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { eventually } from './eventually.js'
import { Fleet, type FleetClient } from './fleet.js'
import type { RedisServer } from './redis-server.js'
import { report } from './report.js'
import type { Topology } from './topologies.js'

const CLIENTS = 20
const FAILOVER_TIMEOUT_MS = 60_000

export interface Case<O> {
  /** Options of the ioredis client. */
  client: O
  options?: Partial<FastifyRefreshTokenOptions>
}

/**
 * Runs one failover under load, with one fleet of honest clients per set of options, and checks that none is logged out.
 * @param scenario the name of the failover in the report
 * @param disrupt replaces the master that holds the feed
 * @param leadMs how long the clients run before the failover
 */
export async function failOver<O>(
  t: Test,
  scenario: string,
  topology: Topology<O>,
  cases: Record<string, Case<O>>,
  disrupt: (master: RedisServer) => unknown,
  leadMs = 4000
): Promise<void> {
  const fleets = await Fleet.launch(
    t,
    ...Object.entries(cases).map(([name, { client, options }], i) => ({
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
  await disrupt(master)
  await eventually(async () => (await topology.masterOf(feed)) !== master, FAILOVER_TIMEOUT_MS)
  const refreshesBefore = fleets.map(({ counts }) => counts.refreshes)
  const loggedInCount = ({ clients }: Fleet) => clients.filter(({ isLoggedIn }) => isLoggedIn).length
  const haveRefreshed = () =>
    fleets.every(
      (fleet, i) => fleet.counts.refreshes >= (refreshesBefore[i] as number) + 2 * loggedInCount(fleet)
    )
  await eventually(haveRefreshed, FAILOVER_TIMEOUT_MS)
  await Promise.all(fleets.map((fleet) => fleet.rest()))

  for (const fleet of fleets) {
    report(t, scenario, fleet)
    await t.test(fleet.name, async (t) => {
      const { loggedOut, hung, unexplained, networkErrors } = fleet.counts
      t.same(loggedOut, {}, 'no honest client is logged out')
      t.equal(hung, 0, 'every request gets a response in time')
      t.equal(unexplained, 0, 'every 503 has a Retry-After header')
      t.equal(networkErrors, 0)
    })
  }
  await t.test('a logout in one process reaches the guards of the other', async (t) => {
    await Promise.all(fleets.map((fleet) => checkLogoutsArrive(t, fleet)))
  })
}

/** Logs out half of the clients, and checks that the others stay logged in. */
async function checkLogoutsArrive(t: Test, fleet: Fleet): Promise<void> {
  const clients = fleet.clients.filter(({ isLoggedIn }) => isLoggedIn)
  const [loggedOut, loggedIn] = [clients.slice(0, CLIENTS / 2), clients.slice(CLIENTS / 2)]
  await Promise.all(clients.map((client) => client.refresh()))
  for (const status of await Promise.all(loggedOut.map((client) => client.logout(0)))) t.equal(status, 200)
  const isRejected = async (client: FleetClient) =>
    (await client.call(1)).body.code === 'FRT_ERR_SESSION_REVOKED'
  await Promise.all(loggedOut.map((client) => eventually(() => isRejected(client))))
  await Promise.all(loggedIn.map((client) => client.work()))
  t.ok(loggedIn.every(({ isLoggedIn }) => isLoggedIn))
}
