import type { RedisClient } from '../../../../types/redis-client.js'
import { duplicateForBlocking, duplicateNodeForBlocking } from '../dedicated-connection.js'
import { slotOf } from './cluster-slot.js'
import { ReplicaWait, type WriteCheck } from './replica-wait.js'

/** What the store uses of an ioredis Cluster. */
interface Cluster extends RedisClient {
  options: { keyPrefix?: string }
  /** The addresses of the nodes of each slot, the master first. */
  slots: string[][]
  nodes(role: 'master'): (RedisClient & { options: { host?: string; port?: number } })[]
}

export interface ReplicationSettings {
  /** How many replicas of the master that holds the keys must acknowledge. */
  replicas: number
  timeoutMs: number
}

/** Waits until replicas have acknowledged writes. Each master of a Cluster has its own connection and its own `WAIT`. */
export class Replication {
  readonly #redis: RedisClient
  readonly #settings: ReplicationSettings
  /** By the address of the master. Without a Cluster there is one, whose address is empty. */
  readonly #waits = new Map<string, ReplicaWait>()
  #isClosed = false

  constructor(redis: RedisClient, settings: ReplicationSettings) {
    this.#redis = redis
    this.#settings = settings
  }

  /**
   * Resolves once the check was made and enough replicas have all writes before it.
   * @returns the reply to the check
   * @throws if the check failed, or if too few replicas acknowledged in time
   */
  async wait(check: WriteCheck): Promise<unknown> {
    const master = isCluster(this.#redis) ? masterOf(this.#redis, check.keys[0]) : ''
    let wait = this.#waits.get(master)
    if (!wait) {
      wait = new ReplicaWait({ ...this.#settings, connect: () => this.#connect(master) })
      this.#waits.set(master, wait)
    }
    return wait.wait(check)
  }

  /** Closes the connections, which may lead to a replaced master. The next call opens a new one. */
  reconnect(): void {
    for (const wait of this.#waits.values()) wait.disconnect()
  }

  close(): void {
    this.#isClosed = true
    this.reconnect()
  }

  #connect(master: string) {
    if (this.#isClosed) throw new Error('the store was closed')
    if (!isCluster(this.#redis)) return duplicateForBlocking(this.#redis, this.#settings.timeoutMs)
    const node = this.#redis
      .nodes('master')
      .find(({ options }) => `${options.host}:${options.port}` === master)
    if (!node) throw new Error('the Cluster client does not know the master of the session yet')
    return duplicateNodeForBlocking(node, this.#redis.options.keyPrefix ?? '')
  }
}

function isCluster(redis: RedisClient): redis is Cluster {
  return redis.isCluster === true
}

function masterOf({ slots, options: { keyPrefix = '' } }: Cluster, key: string): string {
  const [master = ''] = slots[slotOf(keyPrefix + key)] ?? []
  return master
}
