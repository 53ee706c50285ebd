// npm run verify:failover -- --topology=sentinel --seed=1,2,3 --minutes=4
import { parseArgs } from 'node:util'
import type { TopologyName } from './faults.js'
import { brokenPromises, rowOf, TABLE_HEAD, timelineOf } from './report.js'
import { run } from './run.js'

const CLIENTS = 60
const PAUSE_MS = [5000, 20_000] as const
const FAULT_MS = [1000, 15_000] as const
/** How much longer than its faults a run may take: start, repair and final checks. */
const EXTRA_MS = 5 * 60_000

const { values } = parseArgs({
  options: {
    topology: { type: 'string', default: 'sentinel' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '4' },
    /** Another checkout of the repository, whose lib/ runs. */
    folder: { type: 'string', default: '.' },
    /** Prints all incidents. */
    timeline: { type: 'boolean', default: false }
  }
})
const seeds = values.seed.split(',').map(Number)
const durationMs = Number(values.minutes) * 60_000
if (!isTopology(values.topology)) throw new Error('--topology must be sentinel or cluster')
if (!seeds.every(Number.isSafeInteger)) throw new Error('--seed must be an integer, or several with commas')
if (!(durationMs > 0)) throw new Error('--minutes must be above 0')

console.log(TABLE_HEAD)
for (const seed of seeds) await runOnce(values.topology, seed)

async function runOnce(topology: TopologyName, seed: number): Promise<void> {
  const cleanups: (() => unknown)[] = []
  const owner = { after: (end: () => unknown) => cleanups.unshift(end) }
  const limit = setTimeout(() => {
    console.error(`seed ${seed} took more than ${EXTRA_MS / 60_000} minutes longer than its faults`)
    process.exit(1)
  }, durationMs + EXTRA_MS)
  try {
    const { record, faults } = await run(owner, {
      ...{ seed, topology, durationMs, clients: CLIENTS, pauseMs: PAUSE_MS, faultMs: FAULT_MS },
      folder: values.folder
    })
    console.log(rowOf(record, topology, seed, faults))
    const broken = brokenPromises(record)
    if (broken.length > 0) process.exitCode = 1
    for (const promise of broken) console.error(`broken: ${promise}`)
    if (values.timeline || broken.length > 0) console.error(timelineOf(record).join('\n'))
  } finally {
    for (const end of cleanups) await end()
    clearTimeout(limit)
  }
}

function isTopology(name: string): name is TopologyName {
  return name === 'sentinel' || name === 'cluster'
}
