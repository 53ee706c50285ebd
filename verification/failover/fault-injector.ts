import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.js'
import type { Owner, RedisServer } from '../../test/support/redis-server.js'
import { startCluster, startSentinel, type Topology } from '../../test/support/topologies.js'
import type { Fault, FaultName, TopologyName } from './faults.js'

const DOWN_AFTER_MS = 2000
/** After the longest fault, a replica copies its master, and Sentinel demotes a master that is back. */
const REPAIR_TIMEOUT_MS = 90_000

/** A server that is killed starts again with its data. Without the file its replicas would copy an empty server. */
const PERSISTENCE = ['--appendonly', 'yes', '--appendfsync', 'everysec']

/** The commands of a topology, without the types of its clients. */
export interface Servers extends Pick<Topology, 'group' | 'masters' | 'replicasOf' | 'handOver'> {
  masterCount: number
  sentinels: RedisServer[]
  /** Opens a client with the default options of ioredis. */
  connect(): ReturnType<Topology['connect']>
}

export async function startServers(t: Owner, name: TopologyName): Promise<Servers> {
  // The default of ioredis, which is the time until it leaves a server that hangs.
  const disconnectTimeout = 2000
  if (name === 'sentinel') {
    const topology = await startSentinel(t, {
      ...{ downAfterMs: DOWN_AFTER_MS, args: PERSISTENCE },
      isPartitionable: true
    })
    return { ...topology, masterCount: 1, connect: () => topology.connect({ disconnectTimeout }) }
  }
  const topology = await startCluster(t, DOWN_AFTER_MS, PERSISTENCE)
  return {
    ...topology,
    masterCount: 3,
    sentinels: [],
    connect: () => topology.connect({ redisOptions: { disconnectTimeout } })
  }
}

/** Waits until all servers run and replicate. */
export async function waitUntilHealthy({ group, masterCount }: Servers): Promise<void> {
  await eventually(async () => {
    await sleep(200)
    return group.isHealthy(masterCount)
  }, REPAIR_TIMEOUT_MS)
}

/** Runs a fault until it is over. The topology may still need time to recover. */
export async function inject(fault: Fault, servers: Servers): Promise<void> {
  await ACTIONS[fault.name](fault, servers)
}

const ACTIONS: Record<FaultName, (fault: Fault, servers: Servers) => Promise<void>> = {
  'master hangs': async (fault, servers) => hang(await selectMaster(fault, servers), fault),
  async 'replica hangs'(fault, servers) {
    const replicas = await servers.replicasOf(await selectMaster(fault, servers))
    await hang(select(fault, replicas), fault)
  },
  'Sentinel hangs': (fault, { sentinels }) => hang(select(fault, sentinels), fault),
  async 'master is killed'(fault, servers) {
    const master = await selectMaster(fault, servers)
    process.kill(master.pid, 'SIGKILL')
    await sleep(fault.durationMs)
    await servers.group.restart(master)
  },
  /** The master and all others lose each other. Connections stay open, and data arrives late. */
  async 'master is cut off'(fault, servers) {
    const end = servers.group.isolate(await selectMaster(fault, servers))
    await sleep(fault.durationMs).finally(end)
  },
  async 'planned failover'(fault, servers) {
    const master = await selectMaster(fault, servers)
    // A Sentinel that was away refuses at first.
    const isAccepted = () =>
      servers.handOver(master).then(
        () => true,
        () => sleep(200, false)
      )
    await eventually(isAccepted, REPAIR_TIMEOUT_MS)
  },
  async 'connections are killed'(fault, servers) {
    const client = (await selectMaster(fault, servers)).client()
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    client.disconnect()
  }
}

async function hang({ pid }: RedisServer, { durationMs }: Fault): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  try {
    await sleep(durationMs)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

async function selectMaster(fault: Fault, servers: Servers): Promise<RedisServer> {
  return select(fault, await servers.masters())
}

function select({ target }: Fault, servers: readonly RedisServer[]): RedisServer {
  const selected = servers[Math.floor(target * servers.length)]
  if (!selected) throw new Error('there is no such server')
  return selected
}
