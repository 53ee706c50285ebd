import t, { type Test } from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { requireBinary } from '../../../lib/store/redis/run-script.js'
import { createScript } from '../../../lib/store/redis/scripts/create.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { connect, eventuallyStatus, sidOf, startApp } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** A Redis client that never settles commands in flight when a connection breaks. */
async function open(t: Test) {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port, { autoResendUnfulfilledCommands: false, retryStrategy: () => 20 })
  const { app } = await startApp(t, redis, { keyPrefix: 'test:', storeTimeout: '100ms' })
  const store = new RedisStore({ redis: server.client(), keyPrefix: 'test:' })
  const client = new Client(app)
  await eventuallyStatus(() => client.login())
  return { app, client, proxy, redis, store }
}

t.test('a logout that is retried while the connection breaks is executed', async (t) => {
  const { client, proxy, redis, store } = await open(t)
  let sent = 0
  const binary = requireBinary(redis)
  const { evalshaBuffer } = binary
  binary.evalshaBuffer = (...args) => {
    sent++
    return Reflect.apply(evalshaBuffer, redis, args)
  }
  proxy.freeze()
  t.equal((await client.copy().logout()).statusCode, 503)
  await eventually(() => sent === 2)
  proxy.cut()
  proxy.thaw()
  await eventually(async () => !(await store.has(sidOf(client))))
})

t.test('a session of a failed login is revoked', async (t) => {
  const { app, proxy, store } = await open(t)
  const lost = proxy.loseReplyTo(createScript.sha1)
  t.equal((await new Client(app).login({ sub: 'grace' })).statusCode, 503)
  await lost
  t.equal((await store.list('grace')).length, 1)
  await eventually(async () => (await store.list('grace')).length === 0)
})
