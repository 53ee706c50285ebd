import t from 'tap'
import { type Case, failOver } from '../support/failover.js'
import type { ClientOptions, RedisServer } from '../support/redis-server.js'
import { type ClusterClientOptions, startCluster, startSentinel } from '../support/topologies.js'

/** Longer than the store timeout, so that scripts of requests that returned 503 are still sent. */
const DOWN_AFTER_MS = 3000

const kill = ({ pid }: RedisServer) => process.kill(pid, 'SIGKILL')
const backoff = (times: number) => Math.min(times * 50, 500)

const SENTINEL: Record<string, Case<ClientOptions>> = {
  'default options': { client: {} },
  'enableOfflineQueue: false': { client: { enableOfflineQueue: false } },
  'maxRetriesPerRequest: 1': { client: { maxRetriesPerRequest: 1 } },
  'maxRetriesPerRequest: null, auto-pipelining': {
    client: { maxRetriesPerRequest: null, enableAutoPipelining: true }
  },
  'role, retry strategies': {
    client: { role: 'master', retryStrategy: backoff, sentinelRetryStrategy: backoff }
  }
}

const CLUSTER: Record<string, Case<ClusterClientOptions>> = {
  'default options': { client: {} },
  'enableOfflineQueue: false': { client: { enableOfflineQueue: false } },
  'maxRetriesPerRequest: 1': { client: { redisOptions: { maxRetriesPerRequest: 1 } } },
  "scaleReads: 'slave'": { client: { scaleReads: 'slave' } },
  'auto-pipelining': { client: { enableAutoPipelining: true } },
  // Without slotsRefreshInterval: a Cluster that is disconnected during a refresh keeps its timer, and the process hangs.
  'retry strategy, slotsRefreshTimeout': {
    client: { clusterRetryStrategy: backoff, slotsRefreshTimeout: 5000 }
  }
}

t.test('Sentinel: no honest client is logged out when a master is killed under load', async (t) => {
  await failOver(
    t,
    'Sentinel failover',
    await startSentinel(t, { downAfterMs: DOWN_AFTER_MS }),
    SENTINEL,
    kill
  )
})

t.test('Redis Cluster: no honest client is logged out when a master is killed under load', async (t) => {
  await failOver(t, 'Cluster failover', await startCluster(t, DOWN_AFTER_MS), CLUSTER, kill)
})
