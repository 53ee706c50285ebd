import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { deploy, type Told } from '../../verification/model/deployment.js'
import { Run } from '../../verification/model/run.js'
import { steps } from '../../verification/model/steps.js'
import { effort } from '../support/effort.js'
import { startRedis } from '../support/redis-server.js'
import { openMemoryStore, openRedisStore, type StoreUnderTest } from '../support/stores.js'

/** How many sequences each store goes through: a nightly run may ask for more. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? effort(40, 200))
/** Shrinking a failure stops after this time, unless the number of sequences was set. */
const LIMIT_MS = process.env.PROPERTY_RUNS ? 24 * 3600 * 1000 : 120_000
/** To run a failure again: what the failure printed. */
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31)

async function hold(t: Test, open: () => StoreUnderTest): Promise<void> {
  let under = open()
  const told: Told[] = []
  const processes = await deploy(
    () => under.store,
    (event) => told.push(event)
  )
  t.after(() => Promise.all(processes.flat().map(({ app }) => app.close())))
  t.after(() => mock.timers.reset())

  t.comment(`seed ${SEED}`)
  let [runs, taken] = [0, 0]
  const rows = new Map<number, number>()
  const property = fc.asyncProperty(steps, async (steps) => {
    under = open()
    mock.timers.reset()
    mock.timers.enable({ apis: ['Date'], now: under.clock.nowMs })
    const run = new Run(under, processes, told, rows)
    for (const step of steps) await run.step(step)
    runs++
    taken += steps.length
  })
  await fc.assert(property, { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: LIMIT_MS })
  const counts = [...rows].sort(([a], [b]) => a - b).map(([row, count]) => `row ${row}: ${count}`)
  t.comment(`${runs} runs, ${taken} steps, seed ${SEED}; ${counts.join(', ')}`)
  // A run that never gets beyond a login would hold as well.
  for (const row of [3, 4, 6, 7, 8, 9, 10]) t.ok(runs < 40 || rows.has(row), `row ${row} was tried`)
}

t.test('the plugin does as the model says, over the memory store', async (t) => hold(t, openMemoryStore))

t.test('the plugin does as the model says, over Redis, whatever a failover loses', async (t) => {
  const redis = (await startRedis(t)).client()
  await hold(t, () => openRedisStore(redis))
})
