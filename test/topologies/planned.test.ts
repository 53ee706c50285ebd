import t from 'tap'
import { type Case, failOver } from '../support/failover.js'
import type { ClientOptions } from '../support/redis-server.js'
import { type ClusterClientOptions, startCluster, startSentinel } from '../support/topologies.js'

/** A session rotates once in 15 seconds at the most: while writes are being lost, too. */
const LEAD_MS = 9000
const calm = { accessToken: { ttl: '20s' }, refreshToken: { grace: 5 } }
const accepting = { refreshToken: { grace: 0.5, rollback: 'accept' } } as const
const detecting = { failoverDetector: true }

/** Sentinel promotes a replica at once, and lets the old master take writes for some ten seconds, which are lost. */
const SENTINEL: Record<string, Case<ClientOptions>> = {
  'ioredis as it comes': { client: {}, options: calm },
  'failoverDetector: true': { client: detecting, options: calm },
  'as it comes, tokens of 2 s': { client: {}, mayLogOut: true },
  "as it comes, tokens of 2 s, rollback: 'accept'": { client: {}, options: accepting },
  "failoverDetector: true, tokens of 2 s, rollback: 'accept'": { client: detecting, options: accepting }
}

const CLUSTER: Record<string, Case<ClusterClientOptions>> = {
  'ioredis as it comes': { client: {} },
  "scaleReads: 'slave'": { client: { scaleReads: 'slave' } }
}

t.test('Sentinel: a master gives way under load', async (t) => {
  const topology = await startSentinel(t)
  await failOver(t, 'Sentinel, planned failover', topology, SENTINEL, topology.handOver, LEAD_MS)
})

t.test('Redis Cluster: a master gives way under load', async (t) => {
  const topology = await startCluster(t)
  await failOver(t, 'Cluster, planned failover', topology, CLUSTER, topology.handOver)
})
