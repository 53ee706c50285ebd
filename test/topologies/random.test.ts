import t from 'tap'
import { drawFaults, type TopologyName } from '../../verification/failover/faults.js'
import { brokenPromises, rowOf, timelineOf } from '../../verification/failover/report.js'
import { run } from '../../verification/failover/run.js'

// `npm run verify:failover` at a small size. The seeds draw a master that is cut off (Sentinel) or
// hangs (Cluster), a planned failover, and a master that is killed.

// The topologies mostly wait.
t.jobs = 2

const SEEDS: Record<TopologyName, number> = { sentinel: 545, cluster: 957 }
const PAUSE_MS = [500, 1500] as const
const FAULT_MS = [1000, 8000] as const

for (const [topology, seed] of Object.entries(SEEDS) as [TopologyName, number][]) {
  t.test(`honest clients among random faults: ${topology}`, async (t) => {
    const { record, faults } = await run(t, {
      ...{ topology, seed, durationMs: 20_000, pauseMs: PAUSE_MS, faultMs: FAULT_MS },
      ...{ clients: 20, folder: '.' }
    })
    t.comment(rowOf(record, topology, seed, faults))
    t.same(brokenPromises(record), [], timelineOf(record).join('\n'))
    const operations = new Set(record.accepted.map(({ operation }) => operation))
    t.same([...operations].sort(), ['guarded', 'login', 'logout', 'refresh'])
    t.ok(faults > 0)
    t.ok(record.logouts.length > 0)
  })
}

t.test('the same seed draws the same faults', async (t) => {
  const draw = (seed: number) => {
    const faults = drawFaults(seed, 'sentinel', PAUSE_MS, FAULT_MS)
    return Array.from({ length: 20 }, () => faults.next().value)
  }
  t.same(draw(1), draw(1))
  t.notSame(draw(1), draw(2))
})
