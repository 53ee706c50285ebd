// npm run soak:memory-store -- --sessions 1000000
import { parseArgs } from 'node:util'
import { beginMany, type Outcome } from './many-sessions.js'

const MB = 1024 * 1024
/** What may stay of all of them: less than a byte or two for each of a million. */
const MOST_LEFT_MB = 8
/** Machines are noisy; what grows with the number of sessions grows tenfold. */
const MOST_SLOWER = 3

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000000' } } })
const sessions = Number(values.sessions)
if (!(sessions >= 1000)) {
  console.error('--sessions is at least 1000')
  process.exit(2)
}

let failures = 0
report('all alive at once', await beginMany(sessions, sessions))
report('a hundredth alive at once', await beginMany(sessions, sessions / 100))
process.exitCode = failures === 0 ? 0 : 1

function report(name: string, { tenths, heapBefore, heapAfter, longestCallMs }: Outcome): void {
  console.log(`${sessions} sessions, ${name}\n`)
  console.log(
    '| begun | alive | heap, MB | bytes a session alive | CPU µs a session |\n|'.concat(' ---: |'.repeat(5))
  )
  for (const { begun, alive, heapUsed, operationsUs } of tenths) {
    const held = heapUsed - heapBefore
    const cells = [begun, alive, (held / MB).toFixed(1), (held / alive).toFixed(0), operationsUs.toFixed(1)]
    console.log(`| ${cells.join(' | ')} |`)
  }
  const leftMb = (heapAfter - heapBefore) / MB
  const slower = median(tenths.slice(-3)) / median(tenths.slice(1, 4))
  console.log(
    `\nwhen all are over: ${leftMb.toFixed(2)} MB; the longest call meanwhile ${longestCallMs.toFixed(1)} ms`
  )
  console.log(`the last three tenths took ${slower.toFixed(2)} times as long as the second to the fourth\n`)
  if (leftMb > MOST_LEFT_MB) fail(`more than ${MOST_LEFT_MB} MB are left`)
  if (slower > MOST_SLOWER) fail(`more than ${MOST_SLOWER} times as long`)
}

function fail(why: string): void {
  failures++
  console.error(`FAILED: ${why}`)
}

function median(tenths: Outcome['tenths']): number {
  const [, middle] = tenths.map(({ operationsUs }) => operationsUs).sort((a, b) => a - b)
  return middle ?? Number.NaN
}
