import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { failoverWarnings } from '../../../lib/store/redis/failover/failover-warnings.js'
import type { RedisClient } from '../../../types/redis-client.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'
import { REPLICATION } from '../../support/topologies.js'

t.test('warns about a master with replicas that accepts writes without them', async (t) => {
  const master = await startRedis(t)
  const redis = master.client()
  t.same(await failoverWarnings(redis), [], 'a single server')

  await startRedis(t, [...REPLICATION, '--replicaof', '127.0.0.1', String(master.port)])
  await eventually(async () => (await redis.info('replication')).includes('connected_slaves:1'))
  const [warning, ...others] = await failoverWarnings(redis)
  t.match(warning, /^Redis master has replicas and "min-replicas-to-write 0"/)
  t.same(others, [])

  await redis.config('SET', 'min-replicas-to-write', '1')
  t.same(await failoverWarnings(redis), [])
})

t.test('warns about Sentinel without failoverDetector', async (t) => {
  const {
    evalsha,
    eval: run,
    duplicate
  } = {
    evalsha: async () => {},
    eval: async () => {},
    duplicate: () => {}
  }
  const warningsFor = (options?: object) =>
    failoverWarnings({ evalsha, eval: run, duplicate, ...(options && { options }) } satisfies RedisClient)
  const sentinels = [{ host: 'sentinel-1' }]
  t.match(await warningsFor({ sentinels }), [/^Redis client uses Sentinel without "failoverDetector: true"/])
  t.match(await warningsFor({ sentinels, failoverDetector: false }), [/without/])
  t.same(await warningsFor({ sentinels, failoverDetector: true }), [])
  t.same(await warningsFor({ sentinels: null }), [])
  t.same(await warningsFor(), [])
})

t.test('a warning that cannot be checked hides no other warning', async (t) => {
  const server = await startRedis(t, ['--maxmemory-policy', 'allkeys-lru'])
  const redis = server.client()
  const store = new RedisStore({
    redis: new Proxy(redis, {
      get(target, name) {
        if (name !== 'info') return Reflect.get(target, name)
        return async (section: string) => {
          if (section === 'replication') throw new Error('NOPERM')
          return target.info(section)
        }
      }
    })
  })
  t.match(await store.warnings(), [/allkeys-lru/])
})
