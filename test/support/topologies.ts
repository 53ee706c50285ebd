import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, type ClusterOptions, Redis } from 'ioredis'
import type { Test } from 'tap'
import { eventually } from './eventually.js'
import { type ClientOptions, type RedisServer, startRedis } from './redis-server.js'

export type ClusterClientOptions = Omit<ClusterOptions, 'redisOptions'> & {
  redisOptions?: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>
}

/** Redis servers that stand in for one another, as local processes. */
export interface Topology<Options = never> {
  client: Redis | Cluster
  /** Another client, with options of its own: each process has one. */
  connect(options?: Options): Redis | Cluster
  /** Waits until the replicas have what the masters have: what they lack is lost with a master. */
  replicated(): Promise<void>
  /** The servers that are masters now, as they say themselves. */
  masters(): Promise<RedisServer[]>
  /** The master that a key lies on. */
  masterOf(key: string): Promise<RedisServer>
  masterOfSlot(slot: number): Promise<RedisServer>
  replicasOf(master: RedisServer): Promise<RedisServer[]>
  /** A planned failover: the master gives way to a replica of its own. */
  handOver(master: RedisServer): Promise<void>
  slotOf(key: string): Promise<number>
}

const host = '127.0.0.1'
/** Without these a replica waits five seconds for others before it copies its master. */
export const REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
const SENTINELS = 3
/** Sentinels find each other by what they publish every two seconds. */
const ACQUAINTED_MS = 30_000

/**
 * A master, two replicas, and three Sentinels.
 * @param silentMs after how long two of the Sentinels replace a master that is silent
 */
export async function startSentinel(t: Test, silentMs = 500): Promise<Topology<ClientOptions>> {
  const master = await startRedis(t, REPLICATION)
  const args = [...REPLICATION, '--replicaof', host, String(master.port)]
  const replicas = await Promise.all([startRedis(t, args), startRedis(t, args)])
  for (const replica of replicas) await eventually(() => isLinked(replica), ACQUAINTED_MS)
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () => startOneSentinel(t, master, silentMs))
  )
  for (const sentinel of sentinels) await acquainted(sentinel)

  const servers = [master, ...replicas]
  const addresses = sentinels.map(({ port }) => ({ host, port }))
  const connect = (options: ClientOptions = {}) =>
    owned(t, new Redis({ sentinels: addresses, name: 'main', disconnectTimeout: 100, ...options }))
  const masters = () => mastersAmong(servers)
  const onlyMaster = async () => {
    const [master] = await masters()
    if (!master) throw new Error('there is no master')
    return master
  }
  return {
    client: connect(),
    connect,
    masters,
    replicated: () => allReplicated(servers, masters),
    masterOf: onlyMaster,
    masterOfSlot: onlyMaster,
    async handOver() {
      await (sentinels[0] as RedisServer).client().call('SENTINEL', 'FAILOVER', 'main')
    },
    replicasOf: (master) => replicasAmong(servers, master),
    slotOf: async () => 0
  }
}

async function startOneSentinel(t: Test, master: RedisServer, silentMs: number): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'sentinel.conf')
  await writeFile(
    config,
    [
      `sentinel monitor main ${host} ${master.port} 2`,
      `sentinel down-after-milliseconds main ${silentMs}`,
      'sentinel failover-timeout main 2000'
    ].join('\n')
  )
  return startRedis(t, ['--sentinel'], config)
}

async function acquainted(sentinel: RedisServer): Promise<void> {
  const watch = sentinel.client()
  const known = async (what: string) => ((await watch.call('SENTINEL', what, 'main')) as unknown[]).length
  await eventually(async () => (await known('REPLICAS')) === 2, ACQUAINTED_MS)
  await eventually(async () => (await known('SENTINELS')) === SENTINELS - 1, ACQUAINTED_MS)
  watch.disconnect()
}

/**
 * Three masters with a replica each.
 * @param silentMs after how long the others replace a master that is silent
 */
export async function startCluster(t: Test, silentMs = 1000): Promise<Topology<ClusterClientOptions>> {
  const args = [
    ...REPLICATION,
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(silentMs)],
    // However long a test keeps a replica from its master.
    ...['--cluster-replica-validity-factor', '0']
  ]
  const servers = await Promise.all(Array.from({ length: 6 }, () => startRedis(t, args)))
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
  const knowsAll = async (client: Redis) =>
    String(await client.call('CLUSTER', 'INFO')).includes('cluster_known_nodes:6')
  for (const client of clients) await eventually(() => knowsAll(client), ACQUAINTED_MS)
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')))
  for (const [i, client] of clients.slice(3).entries())
    await eventually(() => follows(client, ids[i] as string), ACQUAINTED_MS)
  for (const server of servers.slice(3)) await eventually(() => isLinked(server), ACQUAINTED_MS)
  for (const client of clients) {
    const isReady = async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
    await eventually(isReady, ACQUAINTED_MS)
  }
  const roles = async () => String(await first.call('CLUSTER', 'NODES')).split(' slave ').length - 1
  await eventually(async () => (await roles()) === 3, ACQUAINTED_MS)

  const nodes = servers.map(({ port }) => ({ host, port }))
  const connect = ({ redisOptions, ...options }: ClusterClientOptions = {}) =>
    owned(t, new Cluster(nodes, { ...options, redisOptions: { disconnectTimeout: 100, ...redisOptions } }))
  const masters = () => mastersAmong(servers)
  const masterOfSlot = async (slot: number) => {
    for (const master of await masters()) if (await serves(master, slot)) return master
    throw new Error(`no master serves slot ${slot}`)
  }
  const slotOf = async (key: string) => Number(await first.call('CLUSTER', 'KEYSLOT', key))
  return {
    client: connect(),
    connect,
    masters,
    slotOf,
    replicated: () => allReplicated(servers, masters),
    masterOf: async (key) => masterOfSlot(await slotOf(key)),
    masterOfSlot,
    replicasOf: (master) => replicasAmong(servers, master),
    async handOver(master) {
      const [replica] = await replicasAmong(servers, master)
      await replica?.client().call('CLUSTER', 'FAILOVER')
    }
  }
}

/** Whether a master says that a slot is its own; of a slot alone: one that is being moved has two entries more. */
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

/** A node that has just been met may not know its master yet. */
async function follows(client: Redis, master: string): Promise<boolean> {
  try {
    await client.call('CLUSTER', 'REPLICATE', master)
    return true
  } catch {
    return false
  }
}

async function isLinked(replica: RedisServer): Promise<boolean> {
  return (await infoOf(replica)).includes('master_link_status:up')
}

async function mastersAmong(servers: RedisServer[]): Promise<RedisServer[]> {
  const infos = await Promise.all(servers.map((server) => infoOf(server)))
  return servers.filter((_, i) => infos[i]?.includes('role:master'))
}

async function replicasAmong(servers: RedisServer[], master: RedisServer): Promise<RedisServer[]> {
  const infos = await Promise.all(servers.map((server) => infoOf(server)))
  return servers.filter((_, i) => infos[i]?.includes(`master_port:${master.port}\r\n`))
}

async function allReplicated(servers: RedisServer[], masters: () => Promise<RedisServer[]>): Promise<void> {
  for (const master of await masters()) {
    const count = (await replicasAmong(servers, master)).length
    await eventually(() => isReplicated(master, count), ACQUAINTED_MS)
  }
}

export async function isReplicated(master: RedisServer, replicas: number): Promise<boolean> {
  const info = await infoOf(master)
  const written = /master_repl_offset:(\d+)/.exec(info)?.[1]
  const offsets = [...info.matchAll(/slave\d+:.*state=online,offset=(\d+)/g)].map(([, offset]) => offset)
  return offsets.length === replicas && offsets.every((offset) => offset === written)
}

/** What a server says of its replication; nothing where it is down. */
async function infoOf(server: RedisServer): Promise<string> {
  const client = server.client({ retryStrategy: () => null, maxRetriesPerRequest: 0, commandTimeout: 5000 })
  try {
    return await client.info('replication')
  } catch {
    return ''
  } finally {
    client.disconnect()
  }
}

function owned<C extends Redis | Cluster>(t: Test, client: C): C {
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}
