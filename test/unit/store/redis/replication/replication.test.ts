import t from 'tap'
import { Replication } from '../../../../../lib/store/redis/replication/replication.js'
import type { RedisClient } from '../../../../../types/redis-client.js'

const keys: [string, string, string] = ['frt:{abcdef}:s', 'frt:{abcdef}:w', 'frt:{abcdef}:b:']

t.test('a Cluster client that has not read the slots yet fails the call', async (t) => {
  const cluster = { isCluster: true, options: {}, slots: [], nodes: () => [] } as unknown as RedisClient
  const replication = new Replication(cluster, { replicas: 1, timeoutMs: 100 })
  await t.rejects(replication.wait({ keys, args: ['1', 'a'] }), /does not know the master/)
})
