import t from 'tap'
import { MemoryStore } from '../../lib/index.js'
import { startRedis } from '../helpers/redis-server.js'
import { clockedRedisStore } from '../helpers/stores.js'
import { conformance } from './conformance.js'

t.test('memory store', (t) => conformance(t, (now) => ({ store: new MemoryStore({ now }) })))

t.test('redis store', async (t) => {
  const redis = (await startRedis(t)).client()
  await conformance(t, (now) => clockedRedisStore(now, redis))
})
