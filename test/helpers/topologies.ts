import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import { eventually } from './eventually.js'
import { type RedisServer, startRedis } from './redis-server.js'

/** Redis servers that stand in for one another, as local processes. */
export interface Topology {
  client: Redis | Cluster
  /** Waits until the replicas have what the masters have: what they lack is lost with a master. */
  replicated(): Promise<void>
  /** The master that a key lies on. */
  masterOf(key: string): Promise<RedisServer>
}

const host = '127.0.0.1'
/** Without these a replica waits five seconds for others before it copies its master. */
export const REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']

/** A master, a replica and a Sentinel that replaces a master which was silent for half a second. */
export async function startSentinel(t: Test): Promise<Topology> {
  const master = await startRedis(t, REPLICATION)
  const replica = await startRedis(t, [...REPLICATION, '--replicaof', host, String(master.port)])
  await eventually(async () => (await infoOf(replica)).includes('master_link_status:up'))

  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'sentinel.conf')
  await writeFile(
    config,
    [
      `sentinel monitor main ${host} ${master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000'
    ].join('\n')
  )
  const sentinel = await startRedis(t, ['--sentinel'], config)
  const watch = sentinel.client()
  await eventually(async () => ((await watch.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length === 1)

  const client = new Redis({
    sentinels: [{ host, port: sentinel.port }],
    name: 'main',
    disconnectTimeout: 100
  })
  return {
    client: owned(t, client),
    replicated: () => eventually(() => isReplicated(master)),
    masterOf: async () => master
  }
}

/** Three masters with a replica each; a master that was silent for a second is replaced. */
export async function startCluster(t: Test): Promise<Topology> {
  const args = [...REPLICATION, '--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
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
  for (const client of clients) await eventually(() => knowsAll(client))
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')))
  for (const [i, client] of clients.slice(3).entries())
    await client.call('CLUSTER', 'REPLICATE', ids[i] as string)
  for (const server of servers.slice(3)) {
    await eventually(async () => (await infoOf(server)).includes('master_link_status:up'))
  }
  for (const client of clients) {
    await eventually(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  }

  const nodes = servers.map(({ port }) => ({ host, port }))
  const client = new Cluster(nodes, { redisOptions: { disconnectTimeout: 100 } })
  return {
    client: owned(t, client),
    async replicated() {
      for (const master of servers.slice(0, 3)) await eventually(() => isReplicated(master))
    },
    async masterOf(key) {
      const slot = Number(await first.call('CLUSTER', 'KEYSLOT', key))
      return servers[Math.floor((slot * 3) / 16384)] as RedisServer
    }
  }
}

export async function isReplicated(master: RedisServer): Promise<boolean> {
  const info = await infoOf(master)
  const written = /master_repl_offset:(\d+)/.exec(info)?.[1]
  return written === /slave0:.*offset=(\d+)/.exec(info)?.[1]
}

async function infoOf(server: RedisServer): Promise<string> {
  const client = server.client()
  const info = await client.info('replication')
  client.disconnect()
  return info
}

function owned<C extends Redis | Cluster>(t: Test, client: C): C {
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}
