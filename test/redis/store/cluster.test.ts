import { once } from 'node:events'
import { Cluster } from 'ioredis'
import t from 'tap'
import { conformance } from '../../support/conformance.js'
import { startRedis } from '../../support/redis-server.js'
import { clockedRedisStore } from '../../support/stores.js'

/** A Cluster rejects a script whose keys are in several slots. */
t.test('RedisStore passes the conformance suite in a Redis Cluster', async (t) => {
  const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  const direct = server.client()
  await direct.cluster('ADDSLOTSRANGE', '0', '16383')
  const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }])
  t.after(() => cluster.disconnect())
  await once(cluster, 'ready')
  await conformance(t, (now) => clockedRedisStore(now, direct, cluster))
})
