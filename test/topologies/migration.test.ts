import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { tagOf } from '../../lib/tokens/session-id.js'
import { eventually } from '../support/eventually.js'
import { Fleet } from '../support/fleet.js'
import { report } from '../support/report.js'
import { SlotMove } from '../support/slot-move.js'
import { type ClusterClientOptions, startCluster, type Topology } from '../support/topologies.js'

const CLIENTS = 20
const REFRESH_TIMEOUT_MS = 30_000
const PHASE_MS = 4000

const OPTIONS: Record<string, ClusterClientOptions> = {
  'default options': {},
  "scaleReads: 'slave'": { scaleReads: 'slave' },
  'auto-pipelining': { enableAutoPipelining: true },
  'retryDelayOnTryAgain: 1000': { retryDelayOnTryAgain: 1000 }
}

t.test('Redis Cluster: no honest client is logged out when slots move under load', async (t) => {
  const topology = await startCluster(t)
  const subs = Array.from({ length: CLIENTS }, (_, user) => `user-${user}`)
  const slots = new Set<number>()
  for (const sub of subs) slots.add(await topology.slotOf(`{${tagOf(sub)}}`))
  slots.add(await topology.slotOf('{feed}'))

  await t.test('slots move one after another, like with redis-cli', async (t) => {
    const fleets = await launch(t, topology, subs, 'quick')
    for (const slot of slots) await (await SlotMove.prepare(topology, slot)).run()
    await waitForRefreshes(fleets)
    await checkFleets(t, 'Cluster, slots move', fleets)
    t.ok((await countErrors(topology, 'MOVED')) > 0, 'the masters returned MOVED')
  })

  await t.test('each slot stays half moved for seconds', async (t) => {
    const fleets = await launch(t, topology, subs, 'slow')
    const moves: SlotMove[] = []
    for (const slot of slots) moves.push(await SlotMove.prepare(topology, slot))
    for (const move of moves) await move.open()
    await sleep(PHASE_MS)
    for (const move of moves) await move.migrateKeys()
    await sleep(PHASE_MS)
    for (const move of moves) await move.close()
    await waitForRefreshes(fleets)
    await checkFleets(t, 'Cluster, slots half moved for 8 s', fleets)
    t.ok((await countErrors(topology, 'ASK')) > 0, 'the masters returned ASK')
  })
})

async function launch(
  t: Test,
  topology: Topology<ClusterClientOptions>,
  subs: string[],
  prefix: string
): Promise<Fleet[]> {
  const settings = Object.entries(OPTIONS).map(([name, options], i) => ({
    name,
    redis: topology.connect(options),
    options: { keyPrefix: `${prefix}-${i}:` },
    subs
  }))
  const fleets = await Fleet.launch(t, ...settings)
  for (const fleet of fleets) fleet.drive()
  return fleets
}

async function waitForRefreshes(fleets: Fleet[]): Promise<void> {
  const refreshesBefore = fleets.map(({ counts }) => counts.refreshes)
  const haveRefreshed = () =>
    fleets.every(({ counts }, i) => counts.refreshes >= (refreshesBefore[i] as number) + 2 * CLIENTS)
  await eventually(haveRefreshed, REFRESH_TIMEOUT_MS)
}

async function checkFleets(t: Test, scenario: string, fleets: Fleet[]): Promise<void> {
  await Promise.all(fleets.map((fleet) => fleet.rest()))
  for (const fleet of fleets) {
    report(t, scenario, fleet)
    const { loggedOut, hung, unexplained, networkErrors } = fleet.counts
    const expected = { loggedOut: {}, hung: 0, unexplained: 0, networkErrors: 0 }
    t.same({ loggedOut, hung, unexplained, networkErrors }, expected, fleet.name)
  }
}

/** Returns how often the masters have returned an error. */
async function countErrors({ masters }: Topology<ClusterClientOptions>, error: string): Promise<number> {
  let count = 0
  for (const master of await masters()) {
    const client = master.client()
    const stats = await client.info('errorstats')
    client.disconnect()
    count += Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(stats)?.[1] ?? 0)
  }
  return count
}
