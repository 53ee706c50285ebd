import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, type ClusterOptions, Redis } from 'ioredis'
import { eventually } from './eventually.js'
import { type ClientOptions, type Owner, type RedisServer, startRedis } from './redis-server.js'
import { isLinked, ServerGroup } from './server-group.js'

export type ClusterClientOptions = Omit<ClusterOptions, 'redisOptions'> & {
  redisOptions?: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>
}

/** Redis servers with failover, as local processes. */
export interface Topology<Options = never> {
  client: Redis | Cluster
  group: ServerGroup
  /** Opens another client with its own options, like another process. */
  connect(options?: Options): Redis | Cluster
  /** Waits until the replicas have all writes of the masters. Later writes may be lost with a master. */
  waitForReplication(): Promise<void>
  /** Returns the servers that report the role of a master now. */
  masters(): Promise<RedisServer[]>
  /** Returns the master that holds a key. During a failover it waits until there is one. */
  masterOf(key: string): Promise<RedisServer>
  /** Like `masterOf`, for a slot. */
  masterOfSlot(slot: number): Promise<RedisServer>
  replicasOf(master: RedisServer): Promise<RedisServer[]>
  /** Runs a planned failover: a replica of the master replaces it. */
  handOver(master: RedisServer): Promise<void>
  slotOf(key: string): Promise<number>
}

const host = '127.0.0.1'
/** Without these options a replica waits five seconds for other replicas before it copies its master. */
export const REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
const SENTINELS = 3
/** Sentinels discover each other by messages that they publish every two seconds. */
const STARTUP_TIMEOUT_MS = 60_000

export interface SentinelSettings {
  /** How long a master must be unreachable until two Sentinels replace it. */
  downAfterMs?: number
  /** A failover that failed is repeated after twice this time. */
  failoverTimeoutMs?: number
  /** Added to the command line of each Redis server. */
  args?: readonly string[]
  /** Whether the servers announce proxies: see `startPartitionable`. */
  isPartitionable?: boolean
}

export interface SentinelTopology extends Topology<ClientOptions> {
  sentinels: RedisServer[]
}

/** Starts a master, two replicas and three Sentinels. */
export async function startSentinel(t: Owner, settings: SentinelSettings = {}): Promise<SentinelTopology> {
  const { args = [], isPartitionable } = settings
  const group = new ServerGroup(t, isPartitionable)
  const master = await group.start([...REPLICATION, ...args])
  const masterPort = group.announcedPortOf(master)
  const replicaArgs = [...REPLICATION, ...args, '--replicaof', host, String(masterPort)]
  const replicas = await Promise.all([group.start(replicaArgs), group.start(replicaArgs)])
  for (const replica of replicas) await eventually(() => isLinked(replica), STARTUP_TIMEOUT_MS)
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () => startOneSentinel(t, masterPort, settings))
  )
  for (const sentinel of sentinels) await waitForDiscovery(sentinel)

  const addresses = sentinels.map(({ port }) => ({ host, port }))
  const connect = (options: ClientOptions = {}) =>
    disconnectAfter(t, new Redis({ sentinels: addresses, name: 'main', disconnectTimeout: 100, ...options }))
  const onlyMaster = () => waitForMaster(group, () => true)
  return {
    client: connect(),
    ...{ connect, group, sentinels },
    masters: () => group.masters(),
    waitForReplication: () => group.waitForReplication(),
    masterOf: onlyMaster,
    masterOfSlot: onlyMaster,
    async handOver() {
      await (sentinels[0] as RedisServer).client().call('SENTINEL', 'FAILOVER', 'main')
    },
    replicasOf: (master) => group.replicasOf(master),
    slotOf: async () => 0
  }
}

async function startOneSentinel(
  t: Owner,
  masterPort: number,
  settings: SentinelSettings
): Promise<RedisServer> {
  const { downAfterMs = 500, failoverTimeoutMs = 2000 } = settings
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'sentinel.conf')
  await writeFile(
    config,
    [
      `sentinel monitor main ${host} ${masterPort} 2`,
      `sentinel down-after-milliseconds main ${downAfterMs}`,
      `sentinel failover-timeout main ${failoverTimeoutMs}`
    ].join('\n')
  )
  return startRedis(t, ['--sentinel'], config)
}

async function waitForDiscovery(sentinel: RedisServer): Promise<void> {
  const client = sentinel.client()
  const count = async (kind: string) => ((await client.call('SENTINEL', kind, 'main')) as unknown[]).length
  await eventually(async () => (await count('REPLICAS')) === 2, STARTUP_TIMEOUT_MS)
  await eventually(async () => (await count('SENTINELS')) === SENTINELS - 1, STARTUP_TIMEOUT_MS)
  client.disconnect()
}

/**
 * Starts three masters with one replica each.
 * @param downAfterMs how long a master must be unreachable until the other masters replace it
 */
export async function startCluster(
  t: Owner,
  downAfterMs = 1000,
  moreArgs: readonly string[] = []
): Promise<Topology<ClusterClientOptions>> {
  const group = new ServerGroup(t)
  const args = [
    ...REPLICATION,
    ...moreArgs,
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(downAfterMs)],
    // A replica may be promoted however long it was disconnected from its master.
    ...['--cluster-replica-validity-factor', '0']
  ]
  const servers = await Promise.all(Array.from({ length: 6 }, () => group.start(args)))
  const clients = servers.map((server) => server.client())
  const [first] = clients as [Redis]
  for (const [i, client] of clients.entries()) {
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    if (i < 3) {
      const [from, to] = [Math.ceil((i * 16384) / 3), Math.ceil(((i + 1) * 16384) / 3) - 1]
      await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }
    if (i > 0) await first.call('CLUSTER', 'MEET', host, (servers[i] as RedisServer).port)
  }
  const hasAllNodes = async (client: Redis) =>
    String(await client.call('CLUSTER', 'INFO')).includes('cluster_known_nodes:6')
  for (const client of clients) await eventually(() => hasAllNodes(client), STARTUP_TIMEOUT_MS)
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')))
  for (const [i, client] of clients.slice(3).entries())
    await eventually(() => tryReplicate(client, ids[i] as string), STARTUP_TIMEOUT_MS)
  for (const server of servers.slice(3)) await eventually(() => isLinked(server), STARTUP_TIMEOUT_MS)
  for (const client of clients) {
    const isReady = async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
    await eventually(isReady, STARTUP_TIMEOUT_MS)
  }
  const countReplicas = async () => String(await first.call('CLUSTER', 'NODES')).split(' slave ').length - 1
  await eventually(async () => (await countReplicas()) === 3, STARTUP_TIMEOUT_MS)

  const nodes = servers.map(({ port }) => ({ host, port }))
  const connect = ({ redisOptions, ...options }: ClusterClientOptions = {}) =>
    disconnectAfter(
      t,
      new Cluster(nodes, { ...options, redisOptions: { disconnectTimeout: 100, ...redisOptions } })
    )
  const masterOfSlot = (slot: number) => waitForMaster(group, (master) => serves(master, slot))
  const slotOf = async (key: string) => Number(await first.call('CLUSTER', 'KEYSLOT', key))
  return {
    client: connect(),
    ...{ connect, group, slotOf, masterOfSlot },
    masters: () => group.masters(),
    waitForReplication: () => group.waitForReplication(),
    masterOf: async (key) => masterOfSlot(await slotOf(key)),
    replicasOf: (master) => group.replicasOf(master),
    async handOver(master) {
      const [replica] = await group.replicasOf(master)
      if (replica) await takeOver(replica.client())
    }
  }
}

/** A Cluster drops a planned failover silently after this time, if its masters have not voted on a busy machine. */
const PLANNED_FAILOVER_MS = 5000

/** Makes a replica the master, by a planned failover. */
async function takeOver(replica: Redis): Promise<void> {
  const isMaster = async () => (await replica.role())[0] === 'master'
  await eventually(async () => {
    // Refuses if it is the master by now.
    await replica.call('CLUSTER', 'FAILOVER').catch(() => {})
    return eventually(isMaster, PLANNED_FAILOVER_MS).catch(() => isMaster())
  })
}

/** Returns the first master that meets a condition. During a failover there may be none for a while. */
async function waitForMaster(
  group: ServerGroup,
  condition: (master: RedisServer) => boolean | Promise<boolean>
): Promise<RedisServer> {
  return eventually(async () => {
    for (const master of await group.masters()) if (await condition(master)) return master
    return undefined
  })
}

/** Returns whether a master reports a slot as its own. A slot that is being moved has two more entries. */
async function serves(master: RedisServer, slot: number): Promise<boolean> {
  const client = master.client()
  const nodes = String(await client.call('CLUSTER', 'NODES')).split('\n')
  client.disconnect()
  const ranges =
    nodes
      .find((line) => line.includes('myself'))
      ?.split(' ')
      .slice(8) ?? []
  return ranges.some((range) => {
    const [from, to = from] = range.split('-').map(Number) as [number, number?]
    return slot >= from && slot <= (to ?? from)
  })
}

/** Makes a node a replica. Fails while the node has not discovered its master yet. */
async function tryReplicate(client: Redis, master: string): Promise<boolean> {
  try {
    await client.call('CLUSTER', 'REPLICATE', master)
    return true
  } catch {
    return false
  }
}

function disconnectAfter<C extends Redis | Cluster>(t: Owner, client: C): C {
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}
