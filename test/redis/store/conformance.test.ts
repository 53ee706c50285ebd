import t from 'tap'
import { MemoryStore } from '../../../lib/index.js'
import { conformance } from '../../support/conformance.js'
import { startRedis } from '../../support/redis-server.js'
import { clockedRedisStore } from '../../support/stores.js'

t.test('MemoryStore passes the conformance suite', (t) =>
  conformance(t, (now) => ({ store: new MemoryStore({ now }) }))
)

t.test('RedisStore passes the conformance suite', async (t) => {
  const redis = (await startRedis(t)).client()
  await conformance(t, (now) => clockedRedisStore(now, redis))
})
