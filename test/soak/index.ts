// npm run soak -- --seconds 600 --connections 200
import { parseArgs } from 'node:util'
import type { Growth } from './flat.js'
import { LEAST_SECONDS } from './lifetimes.js'
import { HEAD, soak } from './run.js'

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
  console.error('--seconds and --connections are numbers above 0, --pause milliseconds, --seed an integer')
  process.exit(2)
}

const ends: (() => Promise<void>)[] = []
const owner = { after: (end: () => Promise<void>) => ends.unshift(end) }
try {
  console.log(`${connections} connections for ${seconds} s, seed ${seed}\n`)
  console.log(HEAD)
  const { rows, tally, growth } = await soak(owner, {
    ...{ seconds, connections, pauseMs, seed },
    log: (line) => console.log(line)
  })
  console.log(`\n${[...tally.counts].map(([name, count]) => `${name}: ${count}`).join(', ')}`)
  console.log(`${(tally.total / (rows.at(-1)?.at ?? seconds)).toFixed(0)} operations a second`)
  console.log(`${tally.unexpectedCount} unexpected answers`)
  for (const each of tally.unexpected) console.log(`  ${each}`)
  if (growth) for (const [name, each] of Object.entries(growth)) console.log(tell(name, each))
  else console.log(`memory is not judged below ${LEAST_SECONDS} s: it is still filling`)
  const isFlat = growth === null || Object.values(growth).every((each) => each.isFlat)
  process.exitCode = isFlat && tally.unexpectedCount === 0 ? 0 : 1
} finally {
  for (const end of ends) await end()
}

function tell(name: string, { grown, allowed, isFlat }: Growth): string {
  const [trend, most] = [grown, allowed].map((bytes) => `${(bytes / 1024 / 1024).toFixed(2)} MB`)
  return `${name}: trend of the second half ${trend}, allowed ${most}: ${isFlat ? 'flat' : 'NOT FLAT'}`
}
