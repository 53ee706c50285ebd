import t from 'tap'
import { restore, take } from '../../../verification/model/snapshot.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'
import { openRedisStore } from '../../support/stores.js'

const MINUTE = 60_000

t.test('a logout that a failover lost stays one, after the process has forgotten it, too', async (t) => {
  const redis = (await startRedis(t)).client()
  const under = openRedisStore(redis)
  const { app, advance } = await buildApp(t, { under })
  const client = new Client(app)
  await client.login()
  const stolen = client.copy()
  const replica = await take(under)
  t.equal((await client.logout()).statusCode, 200)

  if (replica) await restore(under, replica)
  // The process notices: it tells the others again, and the store.
  await eventually(async () => (await redis.exists(`${under.keyPrefix}{feed}:revoked`)) === 1)
  await eventually(async () => (await redis.keys(`${under.keyPrefix}*:s`)).length === 0)

  const now = performance.now.bind(performance)
  t.teardown(() => Object.assign(performance, { now }))
  Object.assign(performance, { now: () => now() + 8 * MINUTE })
  await advance(8 * MINUTE)
  const answer = await stolen.refresh()
  t.equal(answer.statusCode, 401)
})
