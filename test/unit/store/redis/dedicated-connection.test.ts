import { Cluster } from 'ioredis'
import t from 'tap'
import { duplicateForBlocking } from '../../../../lib/store/redis/dedicated-connection.js'

/**
 * ioredis keeps refreshing the slots of a Cluster that was disconnected during a refresh. Each connection that the reader
 * gives up would leave a timer behind, and the process would never exit by itself.
 */
t.test('duplicateForBlocking disables the slot refreshes of a Cluster', async (t) => {
  const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], {
    lazyConnect: true,
    slotsRefreshInterval: 1000
  })
  t.after(() => cluster.disconnect())
  const connection = duplicateForBlocking(cluster, 1000)
  t.after(() => connection.disconnect())
  const { options = {} }: { options?: { slotsRefreshInterval?: number } } = connection
  t.notOk(options.slotsRefreshInterval)
})
