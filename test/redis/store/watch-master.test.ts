import { once } from 'node:events'
import { Cluster, type Redis } from 'ioredis'
import t from 'tap'
import { RedisStore } from '../../../lib/index.js'
import { readPulseScript } from '../../../lib/store/redis/scripts/pulse.js'
import { eventually } from '../../support/eventually.js'
import { connect, startApp } from '../../support/outage.js'
import { startRedis } from '../../support/redis-server.js'
import { countOpenSockets } from '../../support/sockets.js'

const settings = { storeTimeoutMs: 1000, onMasterChanged() {}, onEvent() {} }

async function countConnections(redis: Redis): Promise<number> {
  return String(await redis.client('LIST'))
    .trim()
    .split('\n').length
}

for (const mode of ['store', 'none'] as const) {
  t.test(`mode '${mode}' reads the pulses on one connection until the app is closed`, async (t) => {
    const server = await startRedis(t)
    const direct = server.client()
    const client = connect(t, server.port)
    await client.ping()
    const before = await countConnections(direct)
    const { app } = await startApp(t, client, { keyPrefix: 'test:', revocation: { mode } })
    await eventually(async () => (await direct.keys('test:{feed}:p:*')).length === 1)
    await eventually(async () => (await countConnections(direct)) === before + 1)
    await app.close()
    await eventually(async () => (await countConnections(direct)) === before)
    t.equal(client.status, 'ready', "the application's client stays open")
  })
}

t.test('ending the watch closes the socket while Redis hangs', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const client = connect(t, server.port)
  await client.ping()
  const endWatch = new RedisStore({ redis: client, keyPrefix: 'test:' }).watchMaster(settings)
  await eventually(async () => (await direct.keys('test:{feed}:p:*')).length === 1)
  const sockets = countOpenSockets()
  process.kill(server.pid, 'SIGSTOP')
  t.after(async () => void process.kill(server.pid, 'SIGCONT'))
  endWatch()
  await eventually(() => countOpenSockets() === sockets - 1)
})

t.test('the watches of one store end independently', async (t) => {
  const server = await startRedis(t)
  const direct = server.client()
  const store = new RedisStore({ redis: connect(t, server.port), keyPrefix: 'test:' })
  const ends = [store.watchMaster(settings), store.watchMaster(settings)]
  t.after(async () => ends[1]?.())
  const pulses = async () => (await direct.keys('test:{feed}:p:*')).sort()
  await eventually(async () => (await pulses()).length === 2)
  ends[0]?.()
  await direct.del(...(await pulses()))
  await eventually(async () => (await pulses()).length > 0)
  const [key] = (await pulses()) as [string]
  const first = Number(await direct.get(key))
  await eventually(async () => Number(await direct.get(key)) > first + 1)
  t.same(await pulses(), [key], 'only one of them still writes')
})

t.test('a watch that has ended holds no replies', async (t) => {
  const server = await startRedis(t)
  const client = connect(t, server.port)
  const store = new RedisStore({ redis: client, keyPrefix: 'test:' })
  const endWatch = store.watchMaster(settings)
  await store.now('ada')
  client.disconnect(true)
  await once(client, 'close')
  endWatch()
  t.ok((await store.now('ada')) > 0)
})

t.test('the pulse of a replica is not read, because a replica may lag', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const read = () => redis.eval(readPulseScript.source, readPulseScript.keys, 'pulse')
  t.equal(await read(), '0')
  await redis.set('pulse', '7', 'PX', 30_000)
  t.equal(await read(), '7')
  t.ok((await redis.pttl('pulse')) > 0, 'reading does not keep it')
  await redis.replicaof('127.0.0.1', 1)
  await t.rejects(read(), /READONLY/)
})

t.test('opens no connection for a Cluster', async (t) => {
  const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  await server.client().cluster('ADDSLOTSRANGE', '0', '16383')
  const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }])
  t.after(() => cluster.disconnect())
  await once(cluster, 'ready')
  const duplicate = cluster.duplicate.bind(cluster)
  let duplicates = 0
  cluster.duplicate = (...args: Parameters<typeof duplicate>) => {
    duplicates++
    return duplicate(...args)
  }
  const endWatch = new RedisStore({ redis: cluster, keyPrefix: 'test:' }).watchMaster(settings)
  endWatch()
  t.equal(duplicates, 0)
})
