import { setImmediate as afterTurn } from 'node:timers/promises'
import t from 'tap'
import { batchWrites } from '../../../../lib/store/redis/batched-writes.js'
import { Client } from '../../../support/client.js'
import { eventually } from '../../../support/eventually.js'
import { connect, startApp } from '../../../support/outage.js'
import { startRedis } from '../../../support/redis-server.js'

function fakeClient() {
  const calls: string[] = []
  const stream = { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') }
  return { calls, client: { stream } as unknown as Parameters<typeof batchWrites>[0] }
}

t.test(
  'commands of one turn of the event loop are sent together, and those of the next turn again',
  async (t) => {
    const { calls, client } = fakeClient()
    for (let i = 0; i < 3; i++) batchWrites(client)
    t.same(calls, ['cork'])
    await afterTurn()
    t.same(calls, ['cork', 'uncork'])
    batchWrites(client)
    await afterTurn()
    t.same(calls, ['cork', 'uncork', 'cork', 'uncork'])
  }
)

t.test('a client without a socket is left alone', async () => {
  batchWrites({} as Parameters<typeof batchWrites>[0])
})

t.test('a connection that breaks in the turn of a command is replaced', async (t) => {
  const redis = connect(t, (await startRedis(t)).port, { retryStrategy: () => 20 })
  const { app } = await startApp(t, redis, { keyPrefix: 'test:' })
  const client = new Client(app)
  t.equal((await client.login()).statusCode, 200)
  for (const breakIt of [() => redis.stream.destroy(), () => redis.disconnect(true)]) {
    batchWrites(redis)
    const call = client.refresh()
    breakIt()
    await call
    await eventually(async () => (await client.refresh()).statusCode === 200)
  }
})
