import t, { type Test } from 'tap'
import { conformance } from '../support/conformance.js'
import { clockedRedisStore, keysOf } from '../support/stores.js'
import { startCluster, startSentinel, type Topology } from '../support/topologies.js'

t.test('Sentinel', async (t) => {
  const { client, connect } = await startSentinel(t)
  const pipelining = connect({ enableAutoPipelining: true, maxRetriesPerRequest: null })
  await t.test('ioredis as it comes', (t) => conformance(t, (now) => clockedRedisStore(now, client)))
  await t.test('auto-pipelining', (t) => conformance(t, (now) => clockedRedisStore(now, pipelining)))
})

t.test('Redis Cluster', async (t) => {
  const topology = await startCluster(t)
  const { client, connect } = topology
  const reading = connect({ scaleReads: 'slave', enableAutoPipelining: true })
  await t.test('ioredis as it comes', (t) => conformance(t, (now) => clockedRedisStore(now, client)))
  await t.test('reads from replicas, auto-pipelining', (t) =>
    conformance(t, (now) => clockedRedisStore(now, reading))
  )
  await t.test('all keys of a user lie in one slot', (t) => inOneSlot(t, topology))
})

/** Of the keys that the suite has left on all masters. */
async function inOneSlot(t: Test, { masters, slotOf }: Topology): Promise<void> {
  const users = new Map<string, { keys: number; slots: Set<number> }>()
  for (const master of await masters()) {
    const keys = await keysOf(master.client(), '*')
    t.ok(keys.length > 0, 'every master has some')
    for (const key of keys.filter((key) => !key.includes('{feed}'))) {
      const user = /^[^{}]+\{[^{}]+\}/.exec(key)?.[0] ?? key
      const { keys, slots } = users.get(user) ?? { keys: 0, slots: new Set() }
      users.set(user, { keys: keys + 1, slots: slots.add(await slotOf(key)) })
    }
  }
  const several = [...users.values()].filter(({ keys }) => keys > 1)
  t.ok(several.length > 10, 'users with several keys')
  t.same(
    several.filter(({ slots }) => slots.size > 1),
    []
  )
}
