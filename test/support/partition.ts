import type { Redis } from 'ioredis'
import { startProxy } from './proxy.js'
import type { ClientOptions, Owner, RedisServer } from './redis-server.js'
import { type SentinelSettings, type SentinelTopology, startSentinel } from './topologies.js'

const host = '127.0.0.1'

export interface PartitionableTopology extends SentinelTopology {
  /** Opens a client that stays with an isolated server. It loses the Sentinels at the same time. */
  connectBeside(options?: ClientOptions): Redis
  /**
   * Cuts a server off, together with the clients of `connectBeside`: from the Sentinels, the other servers and the other
   * clients. Connections stay open, and data is delivered late.
   * @returns a function that ends this
   */
  isolate(server: RedisServer): () => void
}

/**
 * Starts a topology whose servers announce proxies. Servers, Sentinels and clients connect to these. A client of
 * `connectBeside` connects to the servers themselves, and to the Sentinels through proxies of its own.
 */
export async function startPartitionable(
  t: Owner,
  settings: SentinelSettings
): Promise<PartitionableTopology> {
  const topology = await startSentinel(t, { ...settings, isPartitionable: true })
  const { group, sentinels } = topology
  const proxies = await Promise.all(sentinels.map(({ port }) => startProxy(t, port)))
  const proxyOf = (sentinelPort: number) => proxies[sentinels.findIndex(({ port }) => port === sentinelPort)]
  const natMap = (address: string) => {
    const port = Number(address.split(':')[1])
    return { host, port: group.realPortOf(port) ?? proxyOf(port)?.port ?? port }
  }
  return {
    ...topology,
    connectBeside: (options) =>
      topology.connect({
        sentinels: proxies.map(({ port }) => ({ host, port })),
        natMap,
        ...options
      }) as Redis,
    isolate(server) {
      const rejoin = group.isolate(server)
      for (const proxy of proxies) proxy.freeze()
      return () => {
        rejoin()
        for (const proxy of proxies) proxy.thaw()
      }
    }
  }
}
