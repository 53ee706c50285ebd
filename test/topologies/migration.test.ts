import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { tagOf } from '../../lib/tokens/refresh-token.js'
import { eventually } from '../helpers/eventually.js'
import { Fleet } from '../helpers/fleet.js'
import type { RedisServer } from '../helpers/redis-server.js'
import { report } from '../helpers/report.js'
import { type ClusterClientOptions, startCluster, type Topology } from '../helpers/topologies.js'

const CLIENTS = 20
const PATIENCE_MS = 30_000
const HELD_MS = 4000

const OPTIONS: Record<string, ClusterClientOptions> = {
  'ioredis as it comes': {},
  "scaleReads: 'slave', auto-pipelining": { scaleReads: 'slave', enableAutoPipelining: true },
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
    for (let round = 0; round < 2; round++) {
      for (const slot of slots) await new Move(topology, slot, await nodesOf(topology, slot)).run()
      await worksOn(fleets)
    }
    await check(t, 'Cluster, slots move', fleets)
    t.ok((await errorsOf(topology, 'MOVED')) > 0, 'clients were told MOVED')
  })

  await t.test('each half-way for seconds', async (t) => {
    const fleets = await launch(t, topology, subs, 'slow')
    const moves: Move[] = []
    for (const slot of slots) moves.push(new Move(topology, slot, await nodesOf(topology, slot)))
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

function launch(
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
  return Fleet.launch(t, ...all).then((fleets) => {
    for (const fleet of fleets) fleet.drive()
    return fleets
  })
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

/** A slot on its way from one master to another. */
class Move {
  readonly #slot: number
  readonly #topology: Topology<ClusterClientOptions>
  readonly #nodes: Nodes

  constructor(topology: Topology<ClusterClientOptions>, slot: number, nodes: Nodes) {
    this.#topology = topology
    this.#slot = slot
    this.#nodes = nodes
  }

  async run(): Promise<void> {
    await this.open()
    await this.keys()
    await this.close()
  }

  async open(): Promise<void> {
    const { from, to } = this.#nodes
    await to.client.call('CLUSTER', 'SETSLOT', this.#slot, 'IMPORTING', from.id)
    await from.client.call('CLUSTER', 'SETSLOT', this.#slot, 'MIGRATING', to.id)
  }

  async keys(): Promise<void> {
    const { from, to } = this.#nodes
    for (;;) {
      const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', this.#slot, 100)) as string[]
      if (keys.length === 0) return
      await from.client.call('MIGRATE', '127.0.0.1', to.server.port, '', 0, 5000, 'KEYS', ...keys)
    }
  }

  async close(): Promise<void> {
    const { from, to } = this.#nodes
    for (const { client } of [to, from]) await client.call('CLUSTER', 'SETSLOT', this.#slot, 'NODE', to.id)
    for (const master of await this.#topology.masters()) {
      const client = master.client()
      await client.call('CLUSTER', 'SETSLOT', this.#slot, 'NODE', to.id)
      client.disconnect()
    }
    from.client.disconnect()
    to.client.disconnect()
  }
}

interface Node {
  server: RedisServer
  client: Redis
  id: string
}

interface Nodes {
  from: Node
  to: Node
}

/** The master that has a slot, and the next one. */
async function nodesOf(topology: Topology<ClusterClientOptions>, slot: number): Promise<Nodes> {
  const masters = await topology.masters()
  const from = await topology.masterOfSlot(slot)
  const to = masters[(masters.indexOf(from) + 1) % masters.length] as RedisServer
  const toNode = async (server: RedisServer) => {
    const client = server.client()
    return { server, client, id: String(await client.call('CLUSTER', 'MYID')) }
  }
  return { from: await toNode(from), to: await toNode(to) }
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
