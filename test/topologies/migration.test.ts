import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { tagOf } from '../../lib/tokens/session-id.js'
import { eventually } from '../support/eventually.js'
import { Fleet } from '../support/fleet.js'
import { report } from '../support/report.js'
import { SlotMove } from '../support/slot-move.js'
import { type ClusterClientOptions, startCluster, type Topology } from '../support/topologies.js'

const CLIENTS = 20
const PATIENCE_MS = 30_000
const HELD_MS = 4000

const OPTIONS: Record<string, ClusterClientOptions> = {
  'ioredis as it comes': {},
  "scaleReads: 'slave'": { scaleReads: 'slave' },
  'auto-pipelining': { enableAutoPipelining: true },
  'retryDelayOnTryAgain: 1000': { retryDelayOnTryAgain: 1000 }
}

t.test('Redis Cluster: slots move under load', async (t) => {
  const topology = await startCluster(t)
  const subs = Array.from({ length: CLIENTS }, (_, user) => `user-${user}`)
  const slots = new Set<number>()
  for (const sub of subs) slots.add(await topology.slotOf(`{${tagOf(sub).toString('base64url')}}`))
  slots.add(await topology.slotOf('{feed}'))

  await t.test('one after another, as redis-cli moves them', async (t) => {
    const fleets = await launch(t, topology, subs, 'quick')
    for (const slot of slots) await (await SlotMove.prepare(topology, slot)).run()
    await worksOn(fleets)
    await check(t, 'Cluster, slots move', fleets)
    t.ok((await errorsOf(topology, 'MOVED')) > 0, 'clients were told MOVED')
  })

  await t.test('each half-way for seconds', async (t) => {
    const fleets = await launch(t, topology, subs, 'slow')
    const moves: SlotMove[] = []
    for (const slot of slots) moves.push(await SlotMove.prepare(topology, slot))
    for (const move of moves) await move.open()
    await sleep(HELD_MS)
    for (const move of moves) await move.keys()
    await sleep(HELD_MS)
    for (const move of moves) await move.close()
    await worksOn(fleets)
    await check(t, 'Cluster, slots half moved for 8 s', fleets)
    t.ok((await errorsOf(topology, 'ASK')) > 0, 'clients were told ASK')
  })
})

async function launch(
  t: Test,
  topology: Topology<ClusterClientOptions>,
  subs: string[],
  prefix: string
): Promise<Fleet[]> {
  const all = Object.entries(OPTIONS).map(([name, options], i) => ({
    name,
    redis: topology.connect(options),
    options: { keyPrefix: `${prefix}-${i}:` },
    subs
  }))
  const fleets = await Fleet.launch(t, ...all)
  for (const fleet of fleets) fleet.drive()
  return fleets
}

async function worksOn(fleets: Fleet[]): Promise<void> {
  const before = fleets.map(({ counts }) => counts.refreshes)
  const goOn = () => fleets.every(({ counts }, i) => counts.refreshes >= (before[i] as number) + 2 * CLIENTS)
  await eventually(goOn, PATIENCE_MS)
}

async function check(t: Test, what: string, fleets: Fleet[]): Promise<void> {
  await Promise.all(fleets.map((fleet) => fleet.rest()))
  for (const fleet of fleets) {
    report(t, what, fleet)
    const { loggedOut, hung, unexplained, networkErrors } = fleet.counts
    const expected = { loggedOut: {}, hung: 0, unexplained: 0, networkErrors: 0 }
    t.same({ loggedOut, hung, unexplained, networkErrors }, expected, fleet.name)
  }
}

/** How often the masters have answered with an error. */
async function errorsOf({ masters }: Topology<ClusterClientOptions>, error: string): Promise<number> {
  let count = 0
  for (const master of await masters()) {
    const client = master.client()
    const stats = await client.info('errorstats')
    client.disconnect()
    count += Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(stats)?.[1] ?? 0)
  }
  return count
}
