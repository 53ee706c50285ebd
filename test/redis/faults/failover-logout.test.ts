import t from 'tap'
import { restoreSnapshot, takeSnapshot } from '../../../verification/model/snapshot.js'
import { buildApp } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { startRedis } from '../../support/redis-server.js'
import { openRedisStore } from '../../support/stores.js'

const MINUTE = 60_000

t.test(
  'a logout that a failover lost is repeated, and holds after the process has expired its record',
  async (t) => {
    const redis = (await startRedis(t)).client()
    const under = openRedisStore(redis)
    const { app, advance } = await buildApp(t, { under })
    const client = new Client(app)
    await client.login()
    const copy = client.copy()
    const replica = await takeSnapshot(under)
    t.equal((await client.logout()).statusCode, 200)

    if (replica) await restoreSnapshot(under, replica)
    // The process detects the loss, publishes the revocation again and revokes the session in the store again.
    await eventually(async () => (await redis.exists(`${under.keyPrefix}{feed}:revoked`)) === 1)
    await eventually(async () => (await redis.keys(`${under.keyPrefix}*:s`)).length === 0)

    const now = performance.now.bind(performance)
    t.teardown(() => Object.assign(performance, { now }))
    Object.assign(performance, { now: () => now() + 8 * MINUTE })
    await advance(8 * MINUTE)
    const response = await copy.refresh()
    t.equal(response.statusCode, 401)
  }
)
