import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { eventually } from '../helpers/eventually.js'
import { Fleet } from '../helpers/fleet.js'
import type { ClientOptions } from '../helpers/redis-server.js'
import { report } from '../helpers/report.js'
import {
  type ClusterClientOptions,
  startCluster,
  startSentinel,
  type Topology
} from '../helpers/topologies.js'

const CLIENTS = 20
/** Longer than the store may take to answer: then scripts that were answered 503 are still sent. */
const SILENT_MS = 3000
const PATIENCE_MS = 30_000

const backoff = (times: number) => Math.min(times * 50, 500)

const SENTINEL: Record<string, ClientOptions> = {
  'ioredis as it comes': {},
  'enableOfflineQueue: false': { enableOfflineQueue: false },
  'maxRetriesPerRequest: 1': { maxRetriesPerRequest: 1 },
  'maxRetriesPerRequest: null, auto-pipelining': { maxRetriesPerRequest: null, enableAutoPipelining: true },
  'role, retry strategies': { role: 'master', retryStrategy: backoff, sentinelRetryStrategy: backoff }
}

const CLUSTER: Record<string, ClusterClientOptions> = {
  'ioredis as it comes': {},
  'enableOfflineQueue: false': { enableOfflineQueue: false },
  'maxRetriesPerRequest: 1': { redisOptions: { maxRetriesPerRequest: 1 } },
  "scaleReads: 'slave', auto-pipelining": { scaleReads: 'slave', enableAutoPipelining: true },
  'retry strategy, slot refreshes': {
    clusterRetryStrategy: backoff,
    slotsRefreshTimeout: 5000,
    slotsRefreshInterval: 1000
  }
}

t.test('Sentinel: a master is killed under load', async (t) => {
  await failOver(t, 'Sentinel failover', await startSentinel(t, SILENT_MS), SENTINEL)
})

t.test('Redis Cluster: a master is killed under load', async (t) => {
  await failOver(t, 'Cluster failover', await startCluster(t, SILENT_MS), CLUSTER)
})

/** All clients go through the same failover. */
async function failOver<O>(
  t: Test,
  what: string,
  topology: Topology<O>,
  all: Record<string, O>
): Promise<void> {
  const fleets = await Fleet.launch(
    t,
    ...Object.entries(all).map(([name, options], i) => ({
      name,
      redis: topology.connect(options),
      options: { keyPrefix: `fleet-${i}:` },
      subs: Array.from({ length: CLIENTS }, (_, user) => `user-${user}`)
    }))
  )
  for (const fleet of fleets) fleet.drive()
  await sleep(4000)

  const feed = 'frt:{feed}:revoked'
  const master = await topology.masterOf(feed)
  process.kill(master.pid, 'SIGKILL')
  await eventually(async () => (await topology.masterOf(feed).catch(() => master)) !== master, PATIENCE_MS)
  const before = fleets.map(({ counts }) => counts.refreshes)
  const goOn = () => fleets.every(({ counts }, i) => counts.refreshes >= (before[i] as number) + 3 * CLIENTS)
  await eventually(goOn, PATIENCE_MS)
  await Promise.all(fleets.map((fleet) => fleet.rest()))

  for (const fleet of fleets) {
    report(t, what, fleet)
    await t.test(fleet.name, async (t) => {
      const { loggedOut, hung, unexplained, networkErrors } = fleet.counts
      t.same(loggedOut, {}, 'no honest client is logged out')
      t.equal(hung, 0, 'every request is answered in time')
      t.equal(unexplained, 0, 'every 503 says when to try again')
      t.equal(networkErrors, 0)
      await logoutsArrive(t, fleet)
    })
  }
}

/** A logout in one process reaches the guard of the other, as before. */
async function logoutsArrive(t: Test, { clients }: Fleet): Promise<void> {
  const [leaving, staying] = [clients.slice(0, CLIENTS / 2), clients.slice(CLIENTS / 2)]
  await Promise.all(clients.map((client) => client.refresh()))
  for (const client of leaving) t.equal(await client.logout(0), 200)
  for (const client of leaving) {
    await eventually(async () => (await client.call(1)).body.code === 'FRT_ERR_SESSION_REVOKED', PATIENCE_MS)
  }
  for (const client of staying) await client.work()
  t.ok(staying.every(({ isLoggedIn }) => isLoggedIn))
}
