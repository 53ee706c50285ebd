import t from 'tap'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import { startRedis } from '../../support/redis-server.js'
import { startCluster } from '../../support/topologies.js'

const settings = (line: Record<string, unknown>) => line.event === 'store_settings'

for (const policy of ['allkeys-lru', 'volatile-ttl']) {
  t.test(`maxmemory-policy ${policy}, which may evict sessions, is a warning at the start`, async (t) => {
    const server = await startRedis(t, ['--maxmemory-policy', policy])
    const { logs } = await startLiveApp(t, { redis: server.client() })
    await eventually(() => logs.some(settings))
    const [warning, ...others] = logs.filter(settings)
    t.same(others, [])
    t.equal(warning?.level, 40)
    t.match(warning?.msg, policy)
  })
}

t.test('so it is on any master of a Cluster', async (t) => {
  const { client, masterOf } = await startCluster(t)
  const master = (await masterOf('any')).client()
  await master.config('SET', 'maxmemory-policy', 'allkeys-random')
  const { logs } = await startLiveApp(t, { redis: client })
  await eventually(() => logs.some(settings))
  t.match(logs.find(settings)?.msg, 'allkeys-random')
})

t.test('none where nothing is evicted, and none where the user may not ask', async (t) => {
  const server = await startRedis(t)
  const admin = server.client()
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>password', '~*', '&*', '+@all', '-info')
  for (const redis of [server.client(), server.client({ username: 'app', password: 'password' })]) {
    const { app, logs } = await startLiveApp(t, { redis })
    await app.close()
    // What was asked before has been answered by now.
    await redis.ping()
    t.same(logs.filter(settings), [])
    t.notOk(
      logs.some(({ event }) => event === 'store_unavailable'),
      'a store that does not say is not down'
    )
  }
})
