// npm run soak -- --seconds 600 --connections 200
import { parseArgs } from 'node:util'
import { LEAST_SECONDS } from './lifetimes.js'
import type { Growth } from './memory-growth.js'
import { soak, TABLE_HEAD } from './run.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    connections: { type: 'string', default: '200' },
    pause: { type: 'string', default: '250' },
    seed: { type: 'string', default: '1' }
  }
})
const seconds = Number(values.seconds)
const connections = Number(values.connections)
const seed = Number(values.seed)
const pauseMs = Number(values.pause)
if (![seconds, connections].every((value) => value > 0) || !(pauseMs >= 0) || !Number.isInteger(seed)) {
  console.error(
    '--seconds and --connections must be numbers above 0, --pause milliseconds, and --seed an integer'
  )
  process.exit(2)
}

const cleanups: (() => Promise<void>)[] = []
const owner = { after: (end: () => Promise<void>) => cleanups.unshift(end) }
try {
  console.log(`${connections} connections for ${seconds} s, seed ${seed}\n`)
  console.log(TABLE_HEAD)
  const { rows, tally, growth } = await soak(owner, {
    ...{ seconds, connections, pauseMs, seed },
    log: (line) => console.log(line)
  })
  console.log(`\n${[...tally.counts].map(([name, count]) => `${name}: ${count}`).join(', ')}`)
  console.log(`${(tally.total / (rows.at(-1)?.at ?? seconds)).toFixed(0)} operations a second`)
  console.log(`${tally.unexpectedCount} unexpected responses`)
  for (const message of tally.unexpected) console.log(`  ${message}`)
  if (growth) for (const [name, each] of Object.entries(growth)) console.log(describe(name, each))
  else console.log(`memory is not checked in runs shorter than ${LEAST_SECONDS} s`)
  const isFlat = growth === null || Object.values(growth).every((each) => each.isFlat)
  process.exitCode = isFlat && tally.unexpectedCount === 0 ? 0 : 1
} finally {
  for (const end of cleanups) await end()
}

function describe(name: string, { grown, allowed, isFlat }: Growth): string {
  const [trend, limit] = [grown, allowed].map((bytes) => `${(bytes / 1024 / 1024).toFixed(2)} MB`)
  return `${name}: trend of the second half ${trend}, allowed ${limit}: ${isFlat ? 'flat' : 'NOT FLAT'}`
}
