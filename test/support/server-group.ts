import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.js'
import { startProxy, type Proxy as TcpProxy } from './proxy.js'
import { type Owner, type RedisServer, startRedis } from './redis-server.js'

const host = '127.0.0.1'
const TIMEOUT_MS = 60_000

/** The Redis servers of a topology. A server that was killed can be started again with its files. */
export class ServerGroup {
  readonly servers: RedisServer[] = []
  readonly #t: Owner
  readonly #args = new Map<number, readonly string[]>()
  readonly #proxies = new Map<number, TcpProxy>()
  readonly #isPartitionable: boolean

  /**
   * @param isPartitionable whether each server announces a proxy, so that `isolate` can cut it off from everything that
   * learned its address from Redis or a Sentinel
   */
  constructor(t: Owner, isPartitionable = false) {
    this.#t = t
    this.#isPartitionable = isPartitionable
  }

  async start(args: readonly string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'redis-'))
    this.#t.after(() => rm(folder, { recursive: true, force: true }))
    // The proxy is first, because the server announces its port.
    const proxy = this.#isPartitionable ? await startProxy(this.#t, 0) : undefined
    const announced = proxy
      ? ['--replica-announce-ip', host, '--replica-announce-port', String(proxy.port)]
      : []
    const allArgs = [...args, ...announced, '--dir', folder]
    const server = await startRedis(this.#t, allArgs)
    this.#args.set(server.port, allArgs)
    if (proxy) {
      proxy.leadTo(server.port)
      this.#proxies.set(server.port, proxy)
    }
    this.servers.push(server)
    return server
  }

  /**
   * Starts a master again that was killed. It was perhaps promoted after its start. A real server then has its role in its
   * configuration file, and Sentinel waits for ever for a master that comes back as a replica.
   */
  async restart(killed: RedisServer): Promise<void> {
    const args = withoutReplicaof(this.#args.get(killed.port) ?? [])
    const server = await startRedis(this.#t, [...args, '--port', String(killed.port)])
    this.servers[this.servers.indexOf(killed)] = server
  }

  /** The port that a server announces. */
  announcedPortOf({ port }: RedisServer): number {
    return this.#proxies.get(port)?.port ?? port
  }

  /** Returns the real port of the server that announces a port. */
  realPortOf(announced: number): number | undefined {
    return this.servers.find((server) => this.announcedPortOf(server) === announced)?.port
  }

  /**
   * Drops all data that is sent to the announced port of a server.
   * @returns a function that ends this
   */
  isolate({ port }: RedisServer): () => void {
    const proxy = this.#proxies.get(port)
    if (!proxy) throw new Error('the servers have no proxies')
    proxy.freeze()
    return () => proxy.thaw()
  }

  /** Returns the servers that report the role of a master now. */
  async masters(): Promise<RedisServer[]> {
    const infos = await this.#infos()
    return this.servers.filter((_, i) => infos[i]?.includes('role:master'))
  }

  async replicasOf(master: RedisServer): Promise<RedisServer[]> {
    const infos = await this.#infos()
    return this.servers.filter((_, i) =>
      infos[i]?.includes(`master_port:${this.announcedPortOf(master)}\r\n`)
    )
  }

  /** Whether there are so many masters, and all other servers are their replicas and connected. */
  async isHealthy(masters: number): Promise<boolean> {
    const infos = await this.#infos()
    const linked = infos.flatMap((info) => info.match(/^slave\d+:.*state=online/gm) ?? []).length
    const actual = infos.filter((info) => info.includes('role:master')).length
    return actual === masters && linked === this.servers.length - masters
  }

  /** Waits until the replicas have all writes of the masters. Later writes may be lost with a master. */
  async waitForReplication(): Promise<void> {
    for (const master of await this.masters()) {
      const count = (await this.replicasOf(master)).length
      await eventually(() => isReplicated(master, count), TIMEOUT_MS)
    }
  }

  #infos(): Promise<string[]> {
    return Promise.all(this.servers.map(infoOf))
  }
}

/** Leaves out the option and its two values. */
function withoutReplicaof(args: readonly string[]): string[] {
  const at = args.indexOf('--replicaof')
  return at === -1 ? [...args] : [...args.slice(0, at), ...args.slice(at + 3)]
}

export async function isLinked(replica: RedisServer): Promise<boolean> {
  return (await infoOf(replica)).includes('master_link_status:up')
}

export async function isReplicated(master: RedisServer, replicas: number): Promise<boolean> {
  const info = await infoOf(master)
  const written = /master_repl_offset:(\d+)/.exec(info)?.[1]
  const offsets = [...info.matchAll(/slave\d+:.*state=online,offset=(\d+)/g)].map(([, offset]) => offset)
  return offsets.length === replicas && offsets.every((offset) => offset === written)
}

/** Returns the replication section of `INFO`, or an empty string if the server is down. */
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
