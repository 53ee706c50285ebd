import t, { type Test } from 'tap'
import { conformance } from '../support/conformance.js'
import { clockedRedisStore, keysOf } from '../support/stores.js'
import { startCluster, startSentinel, type Topology } from '../support/topologies.js'

t.test('RedisStore passes the conformance suite with Sentinel', async (t) => {
  const { client, connect } = await startSentinel(t)
  const autoPipelining = connect({ enableAutoPipelining: true, maxRetriesPerRequest: null })
  await t.test('default options', (t) => conformance(t, (now) => clockedRedisStore(now, client)))
  await t.test('auto-pipelining', (t) => conformance(t, (now) => clockedRedisStore(now, autoPipelining)))
})

t.test('RedisStore passes the conformance suite with a Redis Cluster', async (t) => {
  const topology = await startCluster(t)
  const { client, connect } = topology
  const replicaReader = connect({ scaleReads: 'slave', enableAutoPipelining: true })
  await t.test('default options', (t) => conformance(t, (now) => clockedRedisStore(now, client)))
  await t.test('reads from replicas, auto-pipelining', (t) =>
    conformance(t, (now) => clockedRedisStore(now, replicaReader))
  )
  await t.test('all keys of a user are in one slot', (t) => checkSlots(t, topology))
})

/** Checks the keys that the suite left on all masters. */
async function checkSlots(t: Test, { masters, slotOf }: Topology): Promise<void> {
  const users = new Map<string, { keys: number; slots: Set<number> }>()
  for (const master of await masters()) {
    const keys = await keysOf(master.client(), '*')
    t.ok(keys.length > 0, 'every master has keys')
    for (const key of keys.filter((key) => !key.includes('{feed}'))) {
      const user = /^[^{}]+\{[^{}]+\}/.exec(key)?.[0] ?? key
      const { keys, slots } = users.get(user) ?? { keys: 0, slots: new Set() }
      users.set(user, { keys: keys + 1, slots: slots.add(await slotOf(key)) })
    }
  }
  const withSeveralKeys = [...users.values()].filter(({ keys }) => keys > 1)
  t.ok(withSeveralKeys.length > 10, 'there are users with several keys')
  t.same(
    withSeveralKeys.filter(({ slots }) => slots.size > 1),
    []
  )
}
