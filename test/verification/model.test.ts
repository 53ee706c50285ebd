import { mock } from 'node:test'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { deploy, type HookCall } from '../../verification/model/deployment.js'
import { Run } from '../../verification/model/run.js'
import { steps } from '../../verification/model/steps.js'
import { effort } from '../support/effort.js'
import { startRedis } from '../support/redis-server.js'
import { openMemoryStore, openRedisStore, type StoreUnderTest } from '../support/stores.js'

/** The number of sequences for each store. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? effort(20, 200))
/** Shrinking a failure stops after this time, unless the number of sequences was set. */
const LIMIT_MS = process.env.PROPERTY_RUNS ? 24 * 3600 * 1000 : 120_000
/** The seed, which a failure prints. */
const SEED = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31)

async function checkModel(t: Test, open: () => StoreUnderTest): Promise<void> {
  let storeUnderTest = open()
  const hookCalls: HookCall[] = []
  const processes = await deploy(
    () => storeUnderTest.store,
    (event) => hookCalls.push(event)
  )
  t.after(() => Promise.all(processes.flat().map(({ app }) => app.close())))
  t.after(() => mock.timers.reset())

  t.comment(`seed ${SEED}`)
  let [runs, stepCount] = [0, 0]
  const rows = new Map<number, number>()
  const property = fc.asyncProperty(steps, async (steps) => {
    storeUnderTest = open()
    mock.timers.reset()
    mock.timers.enable({ apis: ['Date'], now: storeUnderTest.clock.nowMs })
    const run = new Run(storeUnderTest, processes, hookCalls, rows)
    for (const step of steps) await run.step(step)
    runs++
    stepCount += steps.length
  })
  await fc.assert(property, { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: LIMIT_MS })
  const counts = [...rows].sort(([a], [b]) => a - b).map(([row, count]) => `row ${row}: ${count}`)
  t.comment(`${runs} runs, ${stepCount} steps, seed ${SEED}; ${counts.join(', ')}`)
  // Checks that the runs were meaningful and reached the rows of the rule.
  for (const row of [3, 4, 6, 7, 8, 9, 10]) t.ok(runs < 40 || rows.has(row), `row ${row} was reached`)
}

t.test('the plugin with the memory store behaves as the model', async (t) => checkModel(t, openMemoryStore))

t.test('the plugin with Redis behaves as the model, even after a failover that loses writes', async (t) => {
  const redis = (await startRedis(t)).client()
  await checkModel(t, () => openRedisStore(redis))
})
