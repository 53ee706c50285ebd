import type { Redis } from 'ioredis'
import { eventually } from './eventually.js'
import type { RedisServer } from './redis-server.js'
import type { ClusterClientOptions, Topology } from './topologies.js'

/** Moves a slot from its master to the next one, step by step. */
export class SlotMove {
  readonly #slot: number
  readonly #topology: Topology<ClusterClientOptions>
  readonly #nodes: Nodes

  static async prepare(topology: Topology<ClusterClientOptions>, slot: number): Promise<SlotMove> {
    return new SlotMove(topology, slot, await nodesOf(topology, slot))
  }

  private constructor(topology: Topology<ClusterClientOptions>, slot: number, nodes: Nodes) {
    this.#topology = topology
    this.#slot = slot
    this.#nodes = nodes
  }

  async run(): Promise<void> {
    await this.open()
    await this.migrateKeys()
    await this.close()
  }

  async open(): Promise<void> {
    const { from, to } = this.#nodes
    await to.client.call('CLUSTER', 'SETSLOT', this.#slot, 'IMPORTING', from.id)
    await from.client.call('CLUSTER', 'SETSLOT', this.#slot, 'MIGRATING', to.id)
  }

  async migrateKeys(): Promise<void> {
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
    await this.#waitUntilKnownTo(await this.#topology.masters())
    from.client.disconnect()
    to.client.disconnect()
  }

  /**
   * Each move increases the epoch of the slot's new master. The next move must not start before all masters have seen it.
   * Two masters with the same epoch both claim the slot, and Redis then deletes the keys on one of them.
   */
  async #waitUntilKnownTo(masters: RedisServer[]): Promise<void> {
    const { to } = this.#nodes
    await eventually(async () => {
      const epochs = await Promise.all(masters.map((master) => epochOf(to.id, master)))
      return new Set(epochs).size === 1
    })
  }
}

/** Returns the epoch of a node, as one master sees it. */
async function epochOf(id: string, master: RedisServer): Promise<string | undefined> {
  const client = master.client()
  const nodes = String(await client.call('CLUSTER', 'NODES'))
  client.disconnect()
  return nodes
    .split('\n')
    .find((line) => line.startsWith(id))
    ?.split(' ')[6]
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

/** Returns the master that has the slot, and the next master. */
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
