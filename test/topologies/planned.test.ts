import t from 'tap'
import { type Case, failOver } from '../support/failover.js'
import type { ClientOptions } from '../support/redis-server.js'
import { type ClusterClientOptions, startCluster, startSentinel } from '../support/topologies.js'

const LEAD_MS = 9000
/** A session rotates at most once in 15 seconds, even while writes are lost. */
const slowRotation = { accessToken: { ttl: '20s' }, refreshToken: { grace: 5 } }
const acceptRollback = { refreshToken: { grace: 0.5, rollback: 'accept' } } as const
const failoverDetector = { failoverDetector: true }

/** Sentinel promotes a replica at once. The old master accepts writes for about ten more seconds, which are lost. */
const SENTINEL: Record<string, Case<ClientOptions>> = {
  'default options': { client: {}, options: slowRotation },
  'failoverDetector: true': { client: failoverDetector, options: slowRotation },
  'default options, tokens of 2 s': { client: {} },
  "default options, tokens of 2 s, rollback: 'accept'": { client: {}, options: acceptRollback },
  "failoverDetector: true, tokens of 2 s, rollback: 'accept'": {
    client: failoverDetector,
    options: acceptRollback
  }
}

const CLUSTER: Record<string, Case<ClusterClientOptions>> = {
  'default options': { client: {} },
  "scaleReads: 'slave'": { client: { scaleReads: 'slave' } }
}

t.test('Sentinel: no honest client is logged out by a planned failover under load', async (t) => {
  const topology = await startSentinel(t)
  await failOver(t, 'Sentinel, planned failover', topology, SENTINEL, topology.handOver, LEAD_MS)
})

t.test('Redis Cluster: no honest client is logged out by a planned failover under load', async (t) => {
  const topology = await startCluster(t)
  await failOver(t, 'Cluster, planned failover', topology, CLUSTER, topology.handOver)
})
