import t from 'tap'
import { eventually } from '../../support/eventually.js'
import { startLiveApp } from '../../support/live-app.js'
import { startRedis } from '../../support/redis-server.js'
import { startCluster } from '../../support/topologies.js'

const isSettingsWarning = (line: Record<string, unknown>) => line.event === 'store_settings'

for (const policy of ['allkeys-lru', 'volatile-ttl']) {
  t.test(`logs a warning at the start for maxmemory-policy ${policy}`, async (t) => {
    const server = await startRedis(t, ['--maxmemory-policy', policy])
    const { logs } = await startLiveApp(t, { redis: server.client() })
    await eventually(() => logs.some(isSettingsWarning))
    const [warning, ...others] = logs.filter(isSettingsWarning)
    t.same(others, [])
    t.equal(warning?.level, 40)
    t.match(warning?.msg, policy)
  })
}

t.test('logs a warning if any master of a Cluster may evict sessions', async (t) => {
  const { client, masterOf } = await startCluster(t)
  const master = (await masterOf('any')).client()
  await master.config('SET', 'maxmemory-policy', 'allkeys-random')
  const { logs } = await startLiveApp(t, { redis: client })
  await eventually(() => logs.some(isSettingsWarning))
  t.match(logs.find(isSettingsWarning)?.msg, 'allkeys-random')
})

t.test('logs no warning for noeviction, or if the Redis user may not call INFO', async (t) => {
  const server = await startRedis(t)
  const admin = server.client()
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>password', '~*', '&*', '+@all', '-info')
  for (const redis of [server.client(), server.client({ username: 'app', password: 'password' })]) {
    const { app, logs } = await startLiveApp(t, { redis })
    await app.close()
    // Redis has replied to all earlier commands by now.
    await redis.ping()
    t.same(logs.filter(isSettingsWarning), [])
    t.notOk(
      logs.some(({ event }) => event === 'store_unavailable'),
      'a rejected INFO is not an outage'
    )
  }
})
